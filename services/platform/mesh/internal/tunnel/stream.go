package tunnel

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"redoubt.example/services/platform/mesh/spiffe"
)

// lingerTimeout ends a stream that is closed in one direction and silent in the other.
const lingerTimeout = time.Minute

// conn is what both sides of a tunnel can do: *tls.Conn and *net.UnixConn.
type conn interface {
	net.Conn
	CloseWrite() error
}

// stream joins a connection of the client's side with one of the server's side, and moves bytes until
// both directions are closed. Each direction waits for its own writer, which is the backpressure.
type stream struct {
	peer      spiffe.ID // the verified other end of the mesh connection
	remote    net.Addr
	direction string

	mu             sync.Mutex
	client, server conn // the server's side is nil until the first byte
	closed         bool

	toServer, toClient atomic.Uint64 // bytes
	answered           atomic.Bool   // the last bytes went to the client
	half               atomic.Bool   // one direction is closed
}

// join adds the server's side. It returns false when the stream was closed meanwhile.
func (s *stream) join(server conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = server.Close()
		return false
	}
	s.server = server
	return true
}

// close ends both sides at once, from any goroutine and any number of times. On the mesh it sends no
// close_notify, so that what was cut off can't be taken for complete; a direction that ended well has sent its own.
func (s *stream) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, c := range []conn{s.client, s.server} {
		if t, ok := c.(*tls.Conn); ok {
			_ = t.NetConn().Close()
		} else if c != nil {
			_ = c.Close()
		}
	}
}

// finish ends a stream that is idle, telling both sides that it is complete.
func (s *stream) finish() {
	s.mu.Lock()
	for _, c := range []conn{s.client, s.server} {
		if c != nil {
			_ = c.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
			_ = c.CloseWrite()
		}
	}
	s.mu.Unlock()
	s.close()
}

// relay moves bytes both ways until the stream has ended.
func (s *stream) relay() error {
	answers := make(chan error, 1)
	go func() { answers <- s.copy(s.client, s.server, &s.toClient, true) }()
	err := s.copy(s.server, s.client, &s.toServer, false)
	return errors.Join(err, <-answers)
}

// copy moves one direction. Its end closes only that direction; an error ends the stream.
func (s *stream) copy(dst, src conn, moved *atomic.Uint64, answer bool) error {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	for {
		n, err := src.Read(*buf)
		if n > 0 {
			moved.Add(uint64(n))
			s.answered.Store(answer)
			if _, werr := dst.Write((*buf)[:n]); werr != nil {
				err = werr
			}
		}
		switch {
		case err == nil && s.half.Load():
			_ = src.SetReadDeadline(time.Now().Add(lingerTimeout))
		case err == nil:
		case errors.Is(err, io.EOF):
			s.half.Store(true)
			_ = dst.SetReadDeadline(time.Now().Add(lingerTimeout))
			if err := dst.CloseWrite(); err != nil {
				s.close()
				return err
			}
			return nil
		default:
			s.close()
			return err
		}
	}
}

// buffers are of two TLS records' size: one read of the app's socket fills two, one read of TLS at most one.
var buffers = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}
