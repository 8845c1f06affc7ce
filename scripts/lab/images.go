package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"redoubt.example/scripts/internal/containers"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/images"
	"redoubt.example/scripts/internal/stack"
	"redoubt.example/scripts/internal/term"
)

func (a *app) images() *cobra.Command {
	var what imagePlan
	cmd := &cobra.Command{
		Use:     "images [image]...",
		GroupID: groupBuild,
		Short:   "Make the platform's container images without a registry, and give them to the Docker engine",
		Long: `Make the platform's container images without a registry, and give them to the Docker engine.

Each of our own holds one static binary, built for release, and the list of what it was built from. Consul and Vault
are those of the lab's cache, PostgreSQL is this machine's, and so is Redis, where there is one on PATH, and an Envoy that is
asked for. The same binaries give the same digests. Where a registry can be reached, docker compose builds the same from
infra/images/Dockerfile. Images of our own can be made one by one, from binaries that are there already: that is for Tilt.`,
		RunE: func(cmd *cobra.Command, names []string) error {
			what.names = names
			if err := what.check(); err != nil {
				return err
			}
			made, err := a.makeImages(cmd.Context(), what)
			if err != nil {
				return err
			}
			return a.output().Print(made, func(w io.Writer) error {
				t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
				fmt.Fprintln(t, "IMAGE\tSIZE\tDIGEST\t")
				for _, i := range made {
					was := "as before"
					if i.Loaded {
						was = "new"
					}
					fmt.Fprintf(t, "%s\t%s\t%.19s\t%s\n", i.Name, term.Bytes(i.Size), i.Digest, was)
				}
				return t.Flush()
			})
		},
	}
	cmd.Flags().StringVar(&what.ref, "as", "", "the name and tag of the one image that is made (default redoubt/<image>:"+images.Tag+")")
	cmd.Flags().StringVar(&what.bin, "from", "", "a folder with the binaries of the named images (default: they are built)")
	cmd.Flags().StringSliceVar(&what.with, "with", nil, containers.Observability+": Jaeger's and Prometheus's, too, built from their sources, about 12 minutes the first time; "+
		stack.ModeEnvoy+": that of mode envoy, of the envoy on PATH")
	return cmd
}

// imagePlan is which images are made, and of what.
type imagePlan struct {
	names    []string // of our own; none: all
	ref, bin string
	with     []string
}

func (p imagePlan) check() error {
	var ours []string
	for _, pkg := range images.Ours {
		ours = append(ours, path.Base(pkg))
	}
	for _, name := range p.names {
		if !slices.Contains(ours, name) {
			return exit.Usagef("there is no image %q of our own: it is one of %s", name, strings.Join(ours, ", "))
		}
	}
	for _, name := range p.with {
		if name != containers.Observability && name != stack.ModeEnvoy {
			return exit.Usagef("--with %s: it adds the images of %s and of %s, and no others", name, containers.Observability, stack.ModeEnvoy)
		}
	}
	switch {
	case p.ref != "" && len(p.names) != 1:
		return exit.Usagef("--as is for one image: name it")
	case p.bin != "" && len(p.names) == 0:
		return exit.Usagef("--from is for images of our own: name them")
	case len(p.with) > 0 && len(p.names) > 0:
		return exit.Usagef("--with adds to all images: name none")
	}
	return nil
}

// makeImages has the engine hold all images, or those of our own that are named; it builds what has changed.
func (a *app) makeImages(ctx context.Context, what imagePlan) ([]images.Result, error) {
	progress := term.NewProgress(os.Stderr)
	defer progress.Close()
	from := images.Source{Bin: what.bin}
	if what.bin == "" {
		var err error
		if from, err = imageSource(ctx, what.with, progress); err != nil {
			return nil, err
		}
	}
	task := progress.Task("images", "assembling")
	defer task.End("")
	all, err := images.Assemble(ctx, from, what.names...)
	if err != nil {
		return nil, err
	}
	if what.ref != "" {
		all[0].Name = what.ref
	}
	task.Say("loading")
	return images.Load(ctx, all)
}

// imageSource obtains and builds what images hold; with more than the platform needs.
func imageSource(ctx context.Context, with []string, progress *term.Progress) (from images.Source, err error) {
	binaries := images.Ours
	if slices.Contains(with, stack.ModeEnvoy) {
		if from.Envoy, err = stack.EnvoyProgram(); err != nil {
			return from, err
		}
		binaries = append(slices.Clip(binaries), images.EnvoyAgent)
	}
	repo, cache, err := checkout()
	if err != nil {
		return from, err
	}
	servers, err := cache.Servers(ctx, repo, progress)
	if err != nil {
		return from, err
	}
	from.Consul, from.Vault, from.Postgres = servers.Consul, servers.Vault, servers.Postgres
	if redis, err := exec.LookPath("redis-server"); err == nil {
		from.Redis = redis
	}
	if slices.Contains(with, containers.Observability) {
		if from.Jaeger, from.Prometheus, err = cache.Observability(ctx, repo, progress); err != nil {
			return from, err
		}
	}
	from.Bin, err = cache.Release(ctx, repo, binaries, progress)
	return from, err
}
