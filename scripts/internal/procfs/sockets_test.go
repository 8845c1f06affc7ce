package procfs_test

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/procfs"
)

func TestSockets(t *testing.T) {
	v4, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer v4.Close()
	packets, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer packets.Close()
	path := filepath.Join(t.TempDir(), "a socket")
	local, err := net.Listen("unix", path)
	require.NoError(t, err)
	defer local.Close()
	called, err := net.Dial("tcp4", v4.Addr().String())
	require.NoError(t, err)
	defer called.Close()

	wanted := map[string]string{v4.Addr().String(): "tcp", packets.LocalAddr().String(): "udp", path: "unix"}
	if v6, err := net.Listen("tcp6", "[::1]:0"); err == nil {
		defer v6.Close()
		wanted[v6.Addr().String()] = "tcp"
	}
	all, err := procfs.Sockets()
	require.NoError(t, err)
	for address, protocol := range wanted {
		i := slices.IndexFunc(all, func(s procfs.Socket) bool { return s.Address == address })
		require.GreaterOrEqual(t, i, 0, address)
		require.Equal(t, protocol, all[i].Protocol)
		require.Equal(t, []int{os.Getpid()}, all[i].PIDs)
		if protocol != "unix" {
			require.Equal(t, os.Getuid(), all[i].UID)
		}
	}
	require.False(t, slices.ContainsFunc(all, func(s procfs.Socket) bool { return s.Address == called.LocalAddr().String() }), "a connection's end listens to nobody")
}
