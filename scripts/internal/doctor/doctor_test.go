package doctor_test

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/doctor"
	"redoubt.example/scripts/internal/tools"
)

func find(t *testing.T, all []doctor.Check, name string) doctor.Check {
	t.Helper()
	i := slices.IndexFunc(all, func(c doctor.Check) bool { return c.Name == name })
	require.GreaterOrEqual(t, i, 0, name)
	return all[i]
}

func TestBareMachine(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	t.Setenv("PATH", t.TempDir())
	m := doctor.Machine{Repo: t.TempDir(), Cache: tools.Cache{Root: t.TempDir()}, Port: taken.Addr().(*net.TCPAddr).Port}
	all := m.Checks(t.Context())

	goCheck := find(t, all, "go")
	require.Equal(t, doctor.Missing, goCheck.State)
	require.NotEmpty(t, goCheck.Mend)
	for _, name := range []string{"consul", "vault", "k6"} {
		require.Equal(t, doctor.Obtain, find(t, all, name).State, name)
		require.Contains(t, find(t, all, name).Detail, "min", name)
	}
	require.Equal(t, doctor.Note, find(t, all, "port").State)
	require.Contains(t, find(t, all, "port").Detail, "is taken")
}

func TestWhatIsCachedIsFound(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	root := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(root, "tools"), 0o755))
	path := filepath.Join(root, "tools", tools.Vault.Pin())
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"), 0o755))
	vault := find(t, doctor.Machine{Repo: t.TempDir(), Cache: tools.Cache{Root: root}, Port: 8443}.Checks(t.Context()), "vault")
	require.Equal(t, doctor.OK, vault.State)
	require.Contains(t, vault.Detail, path)
}
