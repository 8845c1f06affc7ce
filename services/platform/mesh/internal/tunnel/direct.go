package tunnel

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"sync"

	"redoubt.example/services/platform/mesh/internal/accept"
	"redoubt.example/services/platform/mesh/spiffe"
)

// DirectConn is a mesh connection that ends in the app itself.
type DirectConn struct {
	*tls.Conn
	Caller spiffe.ID
	closed func()
}

// Close implements net.Conn.
func (c *DirectConn) Close() error {
	err := c.Conn.Close()
	c.closed()
	return err
}

// Direct returns a listener of *DirectConn over ln, for an app that is its own data plane. The streams know
// its connections, so intentions and draining apply to them as to those of a sidecar.
func Direct(ln net.Listener, server *Server, streams *Streams, log *slog.Logger) net.Listener {
	return accept.New(ln, func(ctx context.Context, c net.Conn) (net.Conn, error) {
		conn, caller, err := server.Handshake(ctx, c)
		if err != nil {
			return nil, err
		}
		s := &stream{peer: caller, remote: c.RemoteAddr(), direction: inbound, client: conn}
		if !streams.add(s) {
			s.close()
			return nil, net.ErrClosed
		}
		if err := server.authorize(caller); err != nil { // as in Inbound: they may have changed
			recordRefusal(err, log, server.metrics, inbound, s.remote.String())
			streams.remove(s)
			return nil, err
		}
		return &DirectConn{Conn: conn, Caller: caller, closed: sync.OnceFunc(func() { streams.remove(s) })}, nil
	})
}
