package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/images"
	"redoubt.example/scripts/internal/term"
)

func (a *app) release() *cobra.Command {
	return &cobra.Command{
		Use:     "release <folder>",
		GroupID: groupBuild,
		Short:   "Write what goes beside the images: a bill of materials each, and where they come from",
		Long: `Write what goes beside the images: for each a bill of materials (CycloneDX 1.5), and for all of them their digests and the provenance (SLSA 1.0
in an in-toto statement). No engine is needed. The provenance isn't signed here: a key of this machine's would prove nothing. The
release workflow signs the same images' with its own identity.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return exit.Usagef("name the folder to write to")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			files, err := writeRelease(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.output().Print(map[string]any{"folder": args[0], "files": files}, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "%d files in %s: %s\n", len(files), args[0], strings.Join(files, ", "))
				return err
			})
		},
	}
}

func writeRelease(ctx context.Context, folder string) (files []string, err error) {
	progress := term.NewProgress(os.Stderr)
	defer progress.Close()
	from, err := imageSource(ctx, nil, progress)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	write := func(name string, content []byte) error {
		files = append(files, name)
		return os.WriteFile(filepath.Join(folder, name), content, 0o644)
	}
	for name, path := range from.Programs() {
		bill, err := images.Bill(name, path)
		if err == nil {
			err = write(name+".cdx.json", bill)
		}
		if err != nil {
			return nil, err
		}
	}
	all, err := images.Assemble(ctx, from)
	if err != nil {
		return nil, err
	}
	var made []images.Result
	for _, image := range all {
		result, err := images.Describe(image)
		if err != nil {
			return nil, err
		}
		made = append(made, result)
	}
	where, err := origin(ctx)
	if err != nil {
		return nil, err
	}
	var sums strings.Builder
	for _, i := range made {
		fmt.Fprintf(&sums, "%s  %s\n", strings.TrimPrefix(i.Digest, "sha256:"), i.Name)
	}
	if err := write("images.sha256", []byte(sums.String())); err != nil {
		return nil, err
	}
	statement, err := images.Provenance(made, where)
	if err == nil {
		err = write("provenance.json", statement)
	}
	slices.Sort(files)
	return files, err
}

// origin is the commit that is checked out, and who builds it: a workflow where there is one.
func origin(ctx context.Context) (images.Origin, error) {
	o := images.Origin{Go: runtime.Version(), Builder: "https://redoubt.example/builder/local"}
	if server, workflow := os.Getenv("GITHUB_SERVER_URL"), os.Getenv("GITHUB_WORKFLOW_REF"); workflow != "" {
		o.Builder, o.Repository = server+"/"+workflow, server+"/"+os.Getenv("GITHUB_REPOSITORY")
	}
	repo, err := repository()
	if err != nil {
		return o, err
	}
	git := func(args ...string) string {
		cmd := exec.CommandContext(ctx, "git", args...)
		cmd.Dir = repo
		said, failed := cmd.Output()
		if failed != nil {
			err = cmp.Or(err, fmt.Errorf("ask git which commit this is: %w", failed))
		}
		return strings.TrimSpace(string(said))
	}
	o.Commit, o.Changed = git("rev-parse", "HEAD"), git("status", "--porcelain") != ""
	return o, err
}
