package tunnel_test

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// front is an address before an instance that can be out of order: it then ends each connection at once.
type front struct {
	address string
	broken  atomic.Bool
	refused atomic.Int64
}

func newFront(t *testing.T, behind string) *front {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	f := &front{address: ln.Addr().String()}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			running.Go(func() { f.serve(c, behind) })
		}
	})
	t.Cleanup(func() { ln.Close(); running.Wait() })
	return f
}

func (f *front) serve(c net.Conn, behind string) {
	defer c.Close()
	if f.broken.Load() {
		f.refused.Add(1)
		return
	}
	to, err := net.Dial("tcp", behind)
	if err != nil {
		return
	}
	defer to.Close()
	done := make(chan struct{})
	go func() { defer close(done); _, _ = io.Copy(to, c); _ = to.(*net.TCPConn).CloseWrite() }()
	_, _ = io.Copy(c, to)
	_ = c.(*net.TCPConn).CloseWrite()
	<-done
}
