package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/term"
)

func (a *app) rotateLeaf() *cobra.Command {
	return &cobra.Command{
		Use:   "leaf",
		Short: "Give every workload a new mesh certificate, with a new key",
		Long: `Give every workload that runs a new mesh certificate, with a new key. Connections that are open go on; new ones
use the new certificate. No request fails and nothing restarts.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.rotateMesh(cmd.Context(), (*control.Client).RotateLeaves)
		},
	}
}

func (a *app) rotateCA() *cobra.Command {
	return &cobra.Command{
		Use:   "ca",
		Short: "Replace the mesh's root and intermediate, and every certificate under them",
		Long: `Replace the mesh's root and intermediate by new ones with new keys, in Vault, and give every workload that runs a
certificate of the new CA. The old root signs the new one, so each is good to the other until all have changed.
No request fails and nothing restarts.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.rotateMesh(cmd.Context(), (*control.Client).RotateMeshCA)
		},
	}
}

func (a *app) rotateMesh(ctx context.Context, rotate func(*control.Client, context.Context) (control.MeshRotation, error)) error {
	client, _, err := a.running()
	if err != nil {
		return err
	}
	done, err := rotate(client, ctx)
	if err != nil {
		return err
	}
	out := a.output()
	return out.Print(done, func(w io.Writer) error {
		if done.Root != "" {
			fmt.Fprintf(w, "new root %s\n\n", done.Root)
		}
		names := make([]string, 0, len(done.Leaves))
		for name := range done.Leaves {
			names = append(names, name)
		}
		slices.Sort(names)
		table := &term.Table{Headers: []string{"component", "certificate", "good until"}}
		for _, name := range names {
			leaf := done.Leaves[name]
			table.Add(term.Text(name), term.Text(leaf.Serial), term.Text(leaf.NotAfter.Local().Format("15:04:05")))
		}
		return table.Write(w, out.Colour)
	})
}
