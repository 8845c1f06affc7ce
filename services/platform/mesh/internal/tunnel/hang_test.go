package tunnel_test

import (
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/mesh/internal/unixsock"
	"redoubt.example/services/platform/mesh/spiffe"
)

// An app that hangs takes connections and answers none. The stream after one that its client gave up on goes elsewhere.
func TestHangingInstance(t *testing.T) {
	r := newRig(t, hello)
	hangs := r.join(t, func(_ spiffe.ID, c *unixsock.Conn) { _, _ = io.Copy(io.Discard, c) })
	r.announce(hangs.port)
	c := r.dial(t)
	_, err := io.WriteString(c, "a")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return hangs.reached.Load() == 1 }, 5*time.Second, time.Millisecond)
	r.announce(hangs.port, r.port)
	hold(t, r)                                                         // fewest streams: the other one
	require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Second))) // as a client that gives up
	_, err = c.Read(make([]byte, 1))
	require.Error(t, err)
	require.NoError(t, c.Close())
	require.Eventually(t, func() bool { return r.open(t, "outbound") == 1 }, 5*time.Second, time.Millisecond)
	hold(t, r) // the one that hangs has fewest now, and isn't asked
	require.EqualValues(t, 1, hangs.reached.Load())
	require.EqualValues(t, 2, r.reached.Load())
}
