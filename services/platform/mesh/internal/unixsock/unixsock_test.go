package unixsock_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/mesh/internal/unixsock"
)

func TestListen(t *testing.T) {
	_, err := unixsock.Listen("/tmp/" + strings.Repeat("a", 108))
	require.ErrorContains(t, err, "at most")

	path := filepath.Join(t.TempDir(), "app.sock")
	killed, err := unixsock.Listen(path)
	require.NoError(t, err)
	ln, err := unixsock.Listen(path) // a successor, while the file of the first is still there
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	require.NoError(t, killed.Close())
	require.FileExists(t, path, "the late close of the first must not take its successor's file away")
	conn, err := unixsock.Dial(t.Context(), path)
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	require.NoError(t, ln.Close())
	require.NoFileExists(t, path)
}
