package tunnel

import (
	"context"
	"log/slog"
	"net"
	"sync"

	"redoubt.example/services/platform/mesh/internal/accept"
	"redoubt.example/services/platform/mesh/spiffe"
)

// DirectConn is a mesh connection that ends in the app itself.
type DirectConn struct {
	*secured
	Peer    spiffe.ID
	streams *Streams
	stream  *stream
	close   func() // takes the stream out of the set
}

func newDirect(c *secured, s *stream, streams *Streams) *DirectConn {
	return &DirectConn{secured: c, Peer: s.peer, streams: streams, stream: s, close: sync.OnceFunc(func() { streams.remove(s) })}
}

// Read implements net.Conn.
func (c *DirectConn) Read(p []byte) (int, error) {
	n, err := c.secured.Read(p)
	if n > 0 {
		c.count(p[:n], c.stream.direction == outbound)
	}
	return n, err
}

// Write implements net.Conn. It fails with nothing written once the connection's term is over.
func (c *DirectConn) Write(p []byte) (int, error) {
	c.stream.writing.Lock()
	defer c.stream.writing.Unlock()
	if c.stream.refusing.Load() {
		return 0, net.ErrClosed
	}
	c.count(p, c.stream.direction == inbound)
	return c.secured.Write(p)
}

func (c *DirectConn) count(p []byte, answer bool) {
	if !answer && !c.stream.begun.Load() {
		c.streams.begin(c.stream)
		c.stream.sniff(p)
	}
	c.stream.count(len(p), answer)
}

// Close implements net.Conn.
func (c *DirectConn) Close() error {
	if c.stream.direction == outbound && c.stream.begun.Load() {
		c.stream.noteWait()
	}
	err := c.secured.Close()
	c.close()
	return err
}

// Direct returns a listener of *DirectConn over ln, for an app that is its own data plane. The streams know
// its connections, so intentions, terms and draining apply to them as to those of a sidecar.
func Direct(ln net.Listener, server *Server, streams *Streams, log *slog.Logger) net.Listener {
	return accept.New(server.crowd.listen(ln), func(ctx context.Context, c net.Conn) (net.Conn, error) {
		p, err := server.handshake(ctx, c)
		if err != nil {
			return nil, err
		}
		s := &stream{peer: p.id, remote: c.RemoteAddr(), direction: inbound, client: p.secured}
		if !streams.add(s) {
			s.close()
			return nil, net.ErrClosed
		}
		if err := server.authorize(s.peer); err != nil { // as in Inbound: they may have changed
			recordRefusal(err, log, server.metrics, inbound, s.remote.String())
			streams.remove(s)
			return nil, err
		}
		streams.limit(s, p.term)
		return newDirect(p.secured, s, streams), nil
	})
}

// DialDirect connects an app that is its own data plane to an upstream. Close gives the connection back.
func DialDirect(ctx context.Context, client *Client, streams *Streams, upstream string) (net.Conn, error) {
	c, err := client.Dial(ctx, upstream)
	if err != nil {
		return nil, err
	}
	s := &stream{peer: c.id, remote: c.RemoteAddr(), direction: outbound, server: c.secured}
	s.use(c)
	if !streams.add(s) {
		s.close()
		c.release()
		return nil, net.ErrClosed
	}
	streams.limit(s, c.term)
	return newDirect(c.secured, s, streams), nil
}
