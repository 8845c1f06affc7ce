package suite_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/modfile"

	"redoubt.example/scripts/internal/suite"
)

// TestModulesAgree on the versions of what they need: the workspace takes the newest that any of them asks for, so another is
// tested with that one and depended upon with its own, and what is compiled for one is of no use to the other.
func TestModulesAgree(t *testing.T) {
	by, version := map[string]string{}, map[string]string{}
	for _, module := range suite.Modules {
		path := filepath.Join("../../..", module, "go.mod")
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		file, err := modfile.Parse(path, text, nil)
		require.NoError(t, err)
		for _, r := range file.Require {
			if other, ok := by[r.Mod.Path]; ok {
				require.Equal(t, version[r.Mod.Path], r.Mod.Version, "%s, in %s and in %s: `go get %[1]s@<the newer>` where it is older, with GOWORK=off", r.Mod.Path, other, module)
			}
			by[r.Mod.Path], version[r.Mod.Path] = module, r.Mod.Version
		}
	}
	require.NotEmpty(t, by)
}
