package images

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// Result is what became of an image.
type Result struct {
	Name   string `json:"name"`
	Digest string `json:"digest"` // of its configuration, which engines call its ID
	Size   int64  `json:"size"`   // of its files, uncompressed, in bytes
	Loaded bool   `json:"loaded"` // false: the engine had just this one
}

// Load gives images to the Docker engine, but for those that it has already.
func Load(ctx context.Context, all []Image) ([]Result, error) {
	var results []Result
	for _, image := range all {
		result, err := Describe(image)
		if err != nil {
			return nil, err
		}
		if have, err := docker(ctx, nil, "image", "inspect", "--format", "{{.Id}}", image.Name); err != nil || have != result.Digest {
			if err := load(ctx, image); err != nil {
				return nil, fmt.Errorf("load %s: %w", image.Name, err)
			}
			result.Loaded = true
		}
		results = append(results, result)
	}
	return results, nil
}

// Describe is Load's result for an image that no engine has yet.
func Describe(image Image) (Result, error) {
	digest, err := image.Image.ConfigName()
	if err != nil {
		return Result{}, err
	}
	size, err := uncompressed(image)
	return Result{Name: image.Name, Digest: digest.String(), Size: size}, err
}

func load(ctx context.Context, image Image) error {
	tag, err := name.NewTag(image.Name)
	if err != nil {
		return err
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(tarball.Write(tag, image.Image, w)) }()
	defer r.Close()
	_, err = docker(ctx, r, "load", "--quiet")
	return err
}

func uncompressed(image Image) (size int64, err error) {
	layers, err := image.Image.Layers()
	if err != nil {
		return 0, err
	}
	for _, l := range layers {
		content, err := l.Uncompressed()
		if err != nil {
			return 0, err
		}
		n, err := io.Copy(io.Discard, content)
		size += n
		if err = errors.Join(err, content.Close()); err != nil {
			return 0, err
		}
	}
	return size, nil
}

// docker runs the engine's own client, and returns what it said.
func docker(ctx context.Context, in io.Reader, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "docker", args...)
	cmd.Stdin = in
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("docker %s: %w: %s", args[0], err, strings.TrimSpace(errs.String()))
	}
	return strings.TrimSpace(string(out)), err
}
