package tap_test

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/tap"
)

func TestTap(t *testing.T) {
	dir, err := os.MkdirTemp("", "tap") // short: a socket's path ends at 107 bytes
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "app.sock")
	_, err = tap.Open(path, os.Geteuid())
	require.ErrorIs(t, err, os.ErrNotExist)

	ln, err := net.Listen("unix", path)
	require.NoError(t, err)
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c) }()
		}
	}()
	p, err := tap.Open(path, os.Geteuid())
	require.NoError(t, err)
	token, _ := p.Token()
	require.Empty(t, token)

	c, err := net.Dial("unix", path)
	require.NoError(t, err)
	defer c.Close()
	say := func(text string) {
		t.Helper()
		_, err := c.Write([]byte(text))
		require.NoError(t, err)
		require.NoError(t, c.SetReadDeadline(time.Now().Add(20*time.Second)))
		echo := make([]byte, len(text))
		_, err = io.ReadFull(c, echo) // what is tapped goes on
		require.NoError(t, err)
		require.Equal(t, text, string(echo))
	}
	say("GET / HTTP/1.1\r\nTxn-To")
	say("ken: one\r\n\r\n")
	token, at := p.Token()
	require.Equal(t, "one", token)
	require.WithinDuration(t, time.Now(), at, time.Minute)
	say("GET / HTTP/1.1\r\ntxn-token: two\r\n\r\n")
	token, _ = p.Token()
	require.Equal(t, "two", token)

	require.NoError(t, p.Close())
	say("still there")
	again, err := net.Dial("unix", path)
	require.NoError(t, err, "the real socket is back")
	again.Close()
}
