package tools_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/tools"
)

// program puts a shell script on disk that says a version.
func program(t *testing.T, dir, name, says string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o755))
	script := "#!/bin/sh\necho '" + says + "'\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755))
}

// open is a temporary folder that every user may enter.
func open(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		require.NoError(t, os.Chmod(d, 0o755))
	}
	return dir
}

func TestParseVersion(t *testing.T) {
	for text, want := range map[string]string{
		"Consul v1.22.0\nRevision abc":                         "1.22.0",
		"Vault v1.21.0 (abc), built 2025-11-21T21:48:56Z":      "1.21.0",
		"Vault v1.19.0+ent (abc)":                              "1.19.0+ent",
		"postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)": "15.14.0",
		"Consul v1.18.0-rc1":                                   "1.18.0-rc1",
		"k6 v1.8.1 (go1.26.8, linux/amd64)":                    "1.8.1",
	} {
		v, err := tools.ParseVersion(text)
		require.NoError(t, err, text)
		require.Equal(t, want, v.String(), text)
	}
	for _, text := range []string{"", "command not found", "Consul dev"} {
		_, err := tools.ParseVersion(text)
		require.Error(t, err, text)
	}
}

func TestFind(t *testing.T) {
	for name, c := range map[string]struct {
		says    string // "" for no program on PATH
		cached  bool
		where   string
		refusal string
	}{
		"nowhere":            {refusal: "not installed"},
		"too old":            {says: "Consul v1.17.3", refusal: "1.17.3"},
		"too new":            {says: "Consul v2.0.0", refusal: "2.0.0"},
		"wants a licence":    {says: "Consul v1.20.0+ent", refusal: "Enterprise"},
		"says nothing":       {says: "hello", refusal: "no version"},
		"on PATH":            {says: "Consul v1.18.2", cached: true, where: "PATH"},
		"cached":             {cached: true, where: "cache"},
		"too old but cached": {says: "Consul v1.10.0", cached: true, where: "cache"},
	} {
		t.Run(name, func(t *testing.T) {
			path, cache := open(t), tools.Cache{Root: open(t)}
			t.Setenv("PATH", path)
			if c.says != "" {
				program(t, path, "consul", c.says)
			}
			if c.cached {
				program(t, filepath.Join(cache.Root, "tools"), tools.Consul.Pin(), "")
			}
			found, err := cache.Find(t.Context(), tools.Consul)
			if c.refusal != "" {
				require.ErrorContains(t, err, c.refusal)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.where, found.Where)
		})
	}
}

func TestFindSharedCache(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	shared := open(t)
	program(t, filepath.Join(shared, "tools"), tools.Vault.Pin(), "")
	found, err := tools.Cache{Root: open(t), Shared: shared}.Find(t.Context(), tools.Vault)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(shared, "tools", tools.Vault.Pin()), found.Path)
}

func TestRootRefusesWhatWorkloadsCannotExecute(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("skipped: only root gives workloads users of their own")
	}
	path := filepath.Join(open(t), "private")
	program(t, path, "consul", "Consul v1.20.0")
	require.NoError(t, os.Chmod(path, 0o700))
	t.Setenv("PATH", path)
	_, err := tools.Cache{Root: open(t)}.Find(t.Context(), tools.Consul)
	require.ErrorContains(t, err, "other users")
}
