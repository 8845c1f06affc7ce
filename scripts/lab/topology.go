package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"redoubt.example/infra/topology"
	"redoubt.example/infra/topology/render"
	"redoubt.example/scripts/internal/exit"
)

// rendered is what `lab topology render --json` prints, and `lab threat render --json`.
type rendered struct {
	Folder  string   `json:"folder"`
	Files   []string `json:"files"`
	Changed []string `json:"changed"`
}

func (r rendered) write(w io.Writer) error {
	if len(r.Changed) == 0 {
		_, err := fmt.Fprintf(w, "%d renderings in %s are current\n", len(r.Files), r.Folder)
		return err
	}
	_, err := fmt.Fprintf(w, "changed in %s: %s\n", r.Folder, strings.Join(r.Changed, ", "))
	return err
}

// composeFile is at the repository's root, where docker compose looks for it.
const composeFile = "docker-compose.yml"

func (a *app) topology() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "topology render",
		GroupID: groupBuild,
		Short:   "Write topology.yaml as Consul, OPA, compose, Kubernetes and people need it",
		Args:    cobra.ArbitraryArgs,
		RunE:    subject("topology"),
	}
	cmd.AddCommand(a.topologyRender())
	return cmd
}

func (a *app) topologyRender() *cobra.Command {
	var check bool
	cmd := &cobra.Command{
		Use:   "render",
		Short: "Write the renderings of topology.yaml into infra/topology/rendered",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			repo, err := repository()
			if err != nil {
				return err
			}
			top, err := topology.Load()
			if err != nil {
				return exit.Usagef("%w", err)
			}
			files, err := render.All(top)
			if err != nil {
				return err
			}
			result := rendered{Folder: filepath.Join("infra", "topology", "rendered")}
			for _, f := range files {
				result.Files = append(result.Files, f.Name)
			}
			folder := filepath.Join(repo, result.Folder)
			result.Changed = render.Stale(folder, files)
			result.Files = append(result.Files, composeFile)
			compose, err := render.Compose(top)
			if err != nil {
				return err
			}
			have, err := os.ReadFile(filepath.Join(repo, composeFile))
			composed := err != nil || !bytes.Equal(have, compose)
			if composed {
				result.Changed = append(result.Changed, composeFile)
			}
			if check && len(result.Changed) > 0 {
				return exit.Mend(fmt.Errorf("topology.yaml has changed, but not %s", strings.Join(result.Changed, ", ")), "lab topology render")
			}
			if _, err := render.Write(folder, files); err != nil {
				return err
			}
			if composed {
				if err := os.WriteFile(filepath.Join(repo, composeFile), compose, 0o644); err != nil {
					return err
				}
			}
			return a.output().Print(result, result.write)
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "change nothing; fail if one isn't current")
	return cmd
}
