package tools

import (
	"context"
	"path/filepath"

	"redoubt.example/scripts/internal/term"
)

// ReleaseTags build what can't switch a control off, and without gRPC's debugging pages: their templates would have the
// linker keep every exported method of every type.
const ReleaseTags = "release,grpcnotrace"

// Release builds programs as they go into images: without any switch that makes them unsafe. Packages are named from the
// repository's root; it returns the folder of the binaries, each named after its package's folder.
func (c Cache) Release(ctx context.Context, repo string, packages []string, progress *term.Progress) (bin string, err error) {
	if bin, err = c.Bin(repo); err != nil {
		return "", err
	}
	bin = filepath.Join(bin, "release")
	args := append(append(buildFlags[:len(buildFlags):len(buildFlags)], "-tags", ReleaseTags, "-o", bin+"/"), packages...)
	return bin, reported(progress, "platform, for release", func() error { return goCommand(ctx, repo, []string{"CGO_ENABLED=0"}, args...) })
}
