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

func TestLinux(t *testing.T) {
	for release, want := range map[string]doctor.State{
		"6.18.44-fc-v657": doctor.OK, "5.6.0": doctor.OK, "5.15.0-1051-aws": doctor.OK, "6.6.87.2-microsoft-standard-WSL2": doctor.OK, "6.10.14+": doctor.OK, "7.0.rc1": doctor.OK,
		"5.5.19-200.fc31.x86_64": doctor.Missing, "4.18.0-553.el8_10.x86_64": doctor.Missing, "": doctor.Note, "unknown": doctor.Note,
	} {
		require.Equal(t, want, doctor.LinuxRelease(release).State, release)
	}
	require.Equal(t, doctor.OK, find(t, doctor.Machine{Repo: t.TempDir(), Cache: tools.Cache{Root: t.TempDir()}}.Checks(t.Context()), "linux").State)
}
