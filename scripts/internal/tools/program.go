package tools

import (
	"context"
	"slices"

	"redoubt.example/scripts/internal/term"
)

// Programs builds programs of the workspace, where they aren't up to date, and returns the folder that they are in,
// each under its package's last name. A package is named from the repository's root.
func (c Cache) Programs(ctx context.Context, repo string, progress *term.Progress, packages ...string) (bin string, err error) {
	if bin, err = c.Bin(repo); err != nil {
		return "", err
	}
	args := slices.Concat(buildFlags, []string{"-o", bin + "/"}, packages)
	return bin, reported(progress, "programs", func() error { return goCommand(ctx, repo, []string{"CGO_ENABLED=0"}, args...) })
}
