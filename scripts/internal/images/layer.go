package images

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

const (
	architecture = runtime.GOARCH
	authorities  = "/etc/ssl/certs/ca-certificates.crt"
	billPath     = "/usr/share/doc/redoubt/sbom.cdx.json"
)

// systemAuthorities is where this machine keeps the certificate authorities that it trusts.
func systemAuthorities() string {
	for _, file := range []string{authorities, "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"} {
		if _, err := os.Stat(file); err == nil {
			return file
		}
	}
	return authorities // whose absence the copy reports
}

// layer collects files by the path that they get. What it is built into has them sorted, owned by root, and of one date.
type layer struct {
	files map[string]file
	errs  []error
}

type file struct {
	content []byte
	link    string
	mode    int64
}

func (l *layer) add(to string, content []byte, mode int64) {
	l.put(to, file{content: content, mode: mode})
}

func (l *layer) symlink(to, target string) { l.put(to, file{link: target, mode: 0o777}) }

func (l *layer) put(to string, f file) {
	if l.files == nil {
		l.files = map[string]file{}
	}
	l.files[strings.TrimPrefix(path.Clean(to), "/")] = f
}

// copy takes a file from this machine, following links. Its errors come out of build.
func (l *layer) copy(to, from string, mode int64) {
	content, err := os.ReadFile(from)
	if err != nil {
		l.errs = append(l.errs, err)
	}
	l.add(to, content, mode)
}

// has tells whether a path was given already.
func (l *layer) has(to string) bool {
	_, ok := l.files[strings.TrimPrefix(path.Clean(to), "/")]
	return ok
}

func (l *layer) build() (v1.Layer, error) {
	if err := errors.Join(l.errs...); err != nil {
		return nil, fmt.Errorf("collect files: %w", err)
	}
	entries := map[string]file{}
	for name, f := range l.files {
		entries[name] = f
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			entries[dir+"/"] = file{mode: 0o755}
		}
	}
	names := make([]string, 0, len(entries))
	for name := range entries {
		names = append(names, name)
	}
	slices.Sort(names)
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, name := range names {
		f := entries[name]
		header := &tar.Header{Name: name, Mode: f.mode, Size: int64(len(f.content)), ModTime: epoch.Time, Format: tar.FormatPAX}
		switch {
		case strings.HasSuffix(name, "/"):
			header.Typeflag = tar.TypeDir
		case f.link != "":
			header.Typeflag, header.Linkname = tar.TypeSymlink, f.link
		default:
			header.Typeflag = tar.TypeReg
		}
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	text := out.Bytes()
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil })
}
