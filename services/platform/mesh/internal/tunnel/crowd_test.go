package tunnel_test

import (
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/mesh/internal/meshtest"
	"redoubt.example/services/platform/mesh/internal/tunnel"
)

// Strangers who connect and say nothing, more than may do so at once, don't keep out a peer, nor each other for long.
func TestSilentCrowd(t *testing.T) {
	r := newRig(t, echo)
	silent := make([]net.Conn, tunnel.MaxHandshakes+40)
	for i := range silent {
		c, err := net.Dial("tcp", r.port)
		require.NoError(t, err)
		defer c.Close()
		silent[i] = c
	}
	conn := r.dial(t)
	_, err := io.WriteString(conn, "hello")
	require.NoError(t, err)
	_, err = io.ReadFull(conn, make([]byte, 5))
	require.NoError(t, err, "a peer is served")

	oldest, newest := silent[0].LocalAddr().String(), silent[len(silent)-1].LocalAddr().String()
	madeWay := map[any]bool{}
	for !madeWay[oldest] || len(madeWay) < 40 {
		event := r.log.Denied(t, controls.MeshMTLS)
		require.Equal(t, "too many handshakes at once, and this one took long", event["reason"])
		madeWay[event["peer"]] = true
	}
	require.False(t, madeWay[newest])
	require.NoError(t, silent[0].SetReadDeadline(time.Now().Add(5*time.Second)))
	_, err = silent[0].Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
}

// One caller may have so many connections open, and others theirs; when one ends there is room for another.
func TestTooManyConnectionsOfOneCaller(t *testing.T) {
	r := newRig(t, echo)
	r.in.AllowFromCaller(3)
	config := &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{r.ca.Leaf(t, "gateway")}}
	connect := func() *tls.Conn {
		c, err := tls.Dial("tcp", r.port, config)
		require.NoError(t, err)
		t.Cleanup(func() { c.Close() })
		require.NoError(t, c.SetDeadline(time.Now().Add(5*time.Second)))
		_, err = io.WriteString(c, "hello")
		require.NoError(t, err)
		return c
	}
	var first *tls.Conn
	for range 3 {
		first = connect()
		_, err := first.Read(make([]byte, 1))
		require.NoError(t, err)
	}
	refused := connect()
	_, err := refused.Read(make([]byte, 1))
	require.Error(t, err)
	event := r.log.Denied(t, controls.MeshIntention)
	require.Equal(t, "the caller has too many connections open", event["reason"])
	require.Equal(t, meshtest.ID("gateway").String(), event["caller"])
	require.Equal(t, refused.LocalAddr().String(), event["peer"])

	require.NoError(t, first.Close())
	require.Eventually(t, func() bool { _, err := connect().Read(make([]byte, 1)); return err == nil }, 5*time.Second, 10*time.Millisecond)
}
