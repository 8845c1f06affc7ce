package rawtcp_test

import (
	"bytes"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/meshbench/rawtcp"
)

func TestIsTCP(t *testing.T) {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer tcp.Close()
	accepted := make(chan net.Conn, 1)
	go func() {
		c, err := rawtcp.Listener{Listener: tcp}.Accept()
		if err == nil {
			accepted <- c
		}
		close(accepted)
	}()
	client, err := rawtcp.Dial(t.Context(), tcp.Addr().String())
	require.NoError(t, err)
	server := <-accepted
	require.NotNil(t, server)

	require.NoError(t, server.SetReadDeadline(time.Now().Add(10*time.Millisecond)))
	_, err = server.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded, "a reader who waits can be called off")
	require.NoError(t, server.SetReadDeadline(time.Time{}))

	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // more than a socket takes at once
	go func() {
		_, _ = client.Write(sent)
		_ = client.Close()
	}()
	got, err := io.ReadAll(server)
	require.NoError(t, err, "the end is an io.EOF")
	require.True(t, bytes.Equal(sent, got))
	_, err = server.Write(sent)
	require.Error(t, err, "nobody is there any more")

	_, err = rawtcp.Dial(t.Context(), "127.0.0.1:1")
	require.Error(t, err)
}
