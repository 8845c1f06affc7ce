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
	"redoubt.example/scripts/internal/term"
)

func (a *app) images() *cobra.Command {
	var ref, bin, with string
	cmd := &cobra.Command{
		Use:     "images [image]...",
		GroupID: groupBuild,
		Short:   "Make the platform's container images without a registry, and give them to the Docker engine",
		Long: `Make the platform's container images without a registry, and give them to the Docker engine.

Each of our own holds one static binary, built for release, and the list of what it was built from. Consul and Vault
are those of the lab's cache, PostgreSQL is this machine's, and so is Redis, where there is one on PATH. The same binaries
give the same digests. Where a registry can be reached, docker compose builds the same from infra/images/Dockerfile. Images of
our own can be made one by one, from binaries that are there already: that is for Tilt.`,
		RunE: func(cmd *cobra.Command, names []string) error {
			if err := checkImages(names, ref, bin, with); err != nil {
				return err
			}
			made, err := a.makeImages(cmd.Context(), names, ref, bin, with != "")
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
	cmd.Flags().StringVar(&ref, "as", "", "the name and tag of the one image that is made (default redoubt/<image>:"+images.Tag+")")
	cmd.Flags().StringVar(&bin, "from", "", "a folder with the binaries of the named images (default: they are built)")
	cmd.Flags().StringVar(&with, "with", "", containers.Observability+": Jaeger's and Prometheus's, too, built from their sources, about 12 minutes the first time")
	return cmd
}

func checkImages(names []string, ref, bin, with string) error {
	var ours []string
	for _, pkg := range images.Ours {
		ours = append(ours, path.Base(pkg))
	}
	for _, name := range names {
		if !slices.Contains(ours, name) {
			return exit.Usagef("there is no image %q of our own: it is one of %s", name, strings.Join(ours, ", "))
		}
	}
	switch {
	case ref != "" && len(names) != 1:
		return exit.Usagef("--as is for one image: name it")
	case bin != "" && len(names) == 0:
		return exit.Usagef("--from is for images of our own: name them")
	case with != "" && with != containers.Observability:
		return exit.Usagef("--with %s: it adds the images of %s, and no others", with, containers.Observability)
	case with != "" && len(names) > 0:
		return exit.Usagef("--with adds to all images: name none")
	}
	return nil
}

// makeImages has the engine hold all images, or those of our own that are named; it builds what has changed.
func (a *app) makeImages(ctx context.Context, names []string, ref, bin string, observed bool) ([]images.Result, error) {
	progress := term.NewProgress(os.Stderr)
	defer progress.Close()
	from := images.Source{Bin: bin}
	if bin == "" {
		var err error
		if from, err = imageSource(ctx, observed, progress); err != nil {
			return nil, err
		}
	}
	task := progress.Task("images", "assembling")
	defer task.End("")
	all, err := images.Assemble(ctx, from, names...)
	if err != nil {
		return nil, err
	}
	if ref != "" {
		all[0].Name = ref
	}
	task.Say("loading")
	return images.Load(ctx, all)
}

// imageSource obtains and builds what images hold.
func imageSource(ctx context.Context, observed bool, progress *term.Progress) (from images.Source, err error) {
	repo, cache, err := checkout()
	if err != nil {
		return from, err
	}
	servers, err := cache.Servers(ctx, repo, progress)
	if err != nil {
		return from, err
	}
	redis, err := exec.LookPath("redis-server")
	if err != nil {
		redis = ""
	}
	from = images.Source{Consul: servers.Consul, Vault: servers.Vault, Postgres: servers.Postgres, Redis: redis}
	if observed {
		if from.Jaeger, from.Prometheus, err = cache.Observability(ctx, repo, progress); err != nil {
			return from, err
		}
	}
	from.Bin, err = cache.Release(ctx, repo, images.Ours, progress)
	return from, err
}
