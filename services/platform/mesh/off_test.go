package mesh_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/controls/controlstest"
	"redoubt.example/services/platform/mesh/internal/meshtest"
)

// TestAnotherUserWithoutPeerCred: whoever can open the socket is whoever its PROXY header says.
func TestAnotherUserWithoutPeerCred(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("connecting as another user needs root: run the tests as root")
	}
	controlstest.Off(t, func() {
		m, _, dir := open(t)
		ln, err := m.Listen()
		require.NoError(t, err)
		defer ln.Close()
		socket := filepath.Join(dir, "app.sock")
		meshtest.LetAll(t, socket)
		ended := make(chan error, 1)
		go func() { ended <- meshtest.ConnectAs(65534, socket, header(t, "gateway")) }()
		c, err := ln.Accept()
		require.NoError(t, err)
		require.NoError(t, c.Close())
		require.NoError(t, <-ended)
	}, controls.MeshPeerCred)
}
