package tools

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// From inside the package: where distributions keep PostgreSQL isn't the caller's to choose.
func TestNewestPostgres(t *testing.T) {
	root := t.TempDir()
	t.Setenv("PATH", t.TempDir())
	patterns := []string{filepath.Join(root, "*", "bin")}
	add := func(version string, names ...string) {
		for _, name := range names {
			path := filepath.Join(root, version, "bin", name)
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
			script := "#!/bin/sh\necho 'postgres (PostgreSQL) " + version + "'\n"
			require.NoError(t, os.WriteFile(path, []byte(script), 0o755))
		}
	}
	_, err := findPostgres(t.Context(), patterns)
	require.ErrorIs(t, err, ErrMissing)
	add("13.4", "postgres", "initdb")
	add("18.0", "postgres") // a client's package only
	_, err = findPostgres(t.Context(), patterns)
	require.ErrorContains(t, err, "13.4")

	add("9.6", "postgres", "initdb")
	add("15.2", "postgres", "initdb")
	add("17.1", "postgres", "initdb")
	found, err := findPostgres(t.Context(), patterns)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(root, "17.1", "bin"), found.Path)
}
