package tools

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
)

// BuildOverlaid builds the platform's programs into a folder with other files in place of some of the repository's, embedded
// ones included; replace has both by absolute path. The error ends with what the compiler said.
func BuildOverlaid(ctx context.Context, repo, bin string, replace map[string]string) error {
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return err
	}
	raw, err := json.Marshal(struct{ Replace map[string]string }{replace})
	if err != nil {
		return err
	}
	overlay := filepath.Join(bin, "overlay.json")
	if err := os.WriteFile(overlay, raw, 0o644); err != nil {
		return err
	}
	return goCommand(ctx, repo, []string{"CGO_ENABLED=0"}, slices.Concat(buildFlags, []string{"-overlay", overlay, "-o", bin + "/"}, Platform)...)
}
