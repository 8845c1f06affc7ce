package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"redoubt.example/scripts/internal/images"
	"redoubt.example/scripts/internal/term"
)

func (a *app) images() *cobra.Command {
	return &cobra.Command{
		Use:     "images",
		GroupID: groupBuild,
		Short:   "Make the platform's container images without a registry, and give them to the Docker engine",
		Long: `Make the platform's container images without a registry, and give them to the Docker engine.

Each of our own holds one static binary, built for release, and the list of what it was built from. Consul and Vault
are those of the lab's cache, PostgreSQL is this machine's. The same binaries give the same digests. Where a registry can be
reached, docker compose builds the same from infra/images/Dockerfile.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			made, err := a.makeImages(cmd.Context())
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
}

// makeImages builds what has changed, and has the engine hold all images.
func (a *app) makeImages(ctx context.Context) ([]images.Result, error) {
	progress := term.NewProgress(os.Stderr)
	defer progress.Close()
	from, err := imageSource(ctx, progress)
	if err != nil {
		return nil, err
	}
	task := progress.Task("images", "assembling")
	defer task.End("")
	all, err := images.Assemble(ctx, from)
	if err != nil {
		return nil, err
	}
	task.Say("loading")
	return images.Load(ctx, all)
}

// imageSource obtains and builds what images hold.
func imageSource(ctx context.Context, progress *term.Progress) (from images.Source, err error) {
	repo, cache, err := checkout()
	if err != nil {
		return from, err
	}
	servers, err := cache.Servers(ctx, repo, progress)
	if err != nil {
		return from, err
	}
	bin, err := cache.Release(ctx, repo, images.Ours, progress)
	return images.Source{Bin: bin, Consul: servers.Consul, Vault: servers.Vault, Postgres: servers.Postgres}, err
}
