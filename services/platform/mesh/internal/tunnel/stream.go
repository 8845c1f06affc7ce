package tunnel

import (
	"bytes"
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

// conn is what both sides of a tunnel can do: *secured and *unixsock.Conn, a connection on this machine, to or from the app.
type conn interface {
	net.Conn
	CloseWrite() error
}

// stream joins a connection of the client's side with one of the server's side, and moves bytes until
// both directions are closed. Each direction waits for its own writer, which is the backpressure.
type stream struct {
	peer      spiffe.ID // the verified other end of the mesh connection; outbound only its name until that is made
	remote    net.Addr
	direction string
	answering func() // when given, called with the first bytes of an answer
	ended     func() // when given, called once when the stream has left the set

	mu             sync.Mutex
	client, server conn // the server's side is nil until the first byte
	closed         bool
	ending         *ending     // nil as long as it has no term
	retirement     *time.Timer // when that goes on

	toServer, toClient atomic.Uint64 // bytes
	answered           atomic.Bool   // the last bytes went to the client
	begun              atomic.Bool   // the client has sent something
	half               atomic.Bool   // one direction is closed
	refusing           atomic.Bool   // nothing new is taken from the client; what was taken is finished
	multiplexed        atomic.Bool   // many requests at a time: HTTP/2

	waited  atomic.Int64 // nanoseconds for which the peer owed an answer when the client gave up
	heard   uint64       // bytes to the client when last looked at, and since when they are as many
	heardAt time.Time

	writing sync.Mutex // held while an app that is its own data plane writes
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
	if s.retirement != nil {
		s.retirement.Stop()
	}
	for _, c := range []conn{s.client, s.server} {
		if t, ok := c.(*secured); ok {
			_ = t.wire.Close()
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

// count notes bytes that have moved.
func (s *stream) count(n int, answer bool) {
	moved := &s.toServer
	if answer {
		moved = &s.toClient
	}
	total := moved.Add(uint64(n))
	if s.answered.Load() != answer {
		s.answered.Store(answer)
	}
	if answer && total == uint64(n) && s.answering != nil {
		s.answering()
	}
}

// sniff looks at a client's first bytes: over HTTP/2 an answer doesn't mean that none is awaited.
func (s *stream) sniff(first []byte) {
	s.multiplexed.Store(bytes.HasPrefix(first, []byte("PRI * HTTP/2")))
}

// relay moves bytes both ways until the stream has ended. from is the client's side.
func (s *stream) relay(from *source) error {
	back, err := newSource(s.server)
	if err != nil {
		s.close()
		return err
	}
	answers := make(chan error, 1)
	go func() { answers <- s.copy(s.client, s.server, back, true) }()
	err = s.copy(s.server, s.client, from, false)
	return errors.Join(err, <-answers)
}

// copy moves one direction. Its end closes only that direction; an error ends the stream.
func (s *stream) copy(dst, src conn, from *source, answer bool) error {
	for {
		data, err := from.next()
		if len(data) > 0 {
			s.count(len(data), answer)
			if _, werr := dst.Write(data); werr != nil {
				err = werr
			}
		}
		from.release()
		switch {
		case err == nil && s.half.Load():
			_ = src.SetReadDeadline(time.Now().Add(lingerTimeout))
		case err == nil:
		case errors.Is(err, io.EOF):
			return s.endDirection(dst, answer)
		default:
			s.close()
			return err
		}
	}
}

func (s *stream) endDirection(dst conn, answer bool) error {
	if !answer && s.deserted() {
		s.close()
		return nil
	}
	s.half.Store(true)
	_ = dst.SetReadDeadline(time.Now().Add(lingerTimeout))
	if !answer && s.refusing.Load() {
		return nil // our own doing: the server must not take it for the client's going away
	}
	if err := dst.CloseWrite(); err != nil {
		s.close()
		return err
	}
	return nil
}
