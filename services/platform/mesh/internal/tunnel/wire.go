package tunnel

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
)

// wire is the TCP connection beneath TLS. It can be read without waiting, so that whoever waits for bytes
// of a mesh connection needs no buffer until there are some.
type wire struct {
	*net.TCPConn
	raw syscall.RawConn
	fd  int // only while the runtime holds the descriptor for a read of ours; otherwise reads wait
	in  transfer
	out transfer
}

const waiting = -1

func newWire(c net.Conn) (*wire, error) {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return nil, fmt.Errorf("a mesh connection over %T, and not TCP", c)
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("mesh connection: %w", err)
	}
	w := &wire{TCPConn: tcp, raw: raw, fd: waiting}
	w.in.init(readNow)
	w.out.init(writeNow)
	return w, nil
}

// Read implements net.Conn. TLS has one reader at a time, and one writer.
func (w *wire) Read(p []byte) (int, error) {
	if w.fd == waiting {
		return w.in.do(w.raw.Read, p)
	}
	return readNow(w.fd, p)
}

// Write implements net.Conn.
func (w *wire) Write(p []byte) (int, error) { return w.out.all(w.raw.Write, p) }

// errNothing is temporary in the sense of net.Error: crypto/tls goes on after one.
var errNothing error = nothing{}

type nothing struct{}

func (nothing) Error() string   { return "nothing to read now" }
func (nothing) Timeout() bool   { return true }
func (nothing) Temporary() bool { return true }

// secured is a mesh connection: TLS, and the wire beneath it.
type secured struct {
	*tls.Conn
	wire *wire
}

// handshake does it in a goroutine of its own: its stack grows to many times what a relay needs, and a connection
// would keep it.
func (c *secured) handshake(ctx context.Context) error {
	done := make(chan error, 1)
	go func() { done <- c.HandshakeContext(ctx) }()
	return <-done
}

func (c *secured) readNow(fd int, p []byte) (int, error) {
	c.wire.fd = fd
	defer func() { c.wire.fd = waiting }()
	return c.Conn.Read(p)
}

// unanswered tells whether the connection is open and its peer has said nothing yet that is meant for the app.
// What TLS itself sends behind a handshake, such as session tickets, is taken in.
func (c *secured) unanswered() error {
	var said [1]byte
	var n int
	var err error
	if rawErr := c.wire.raw.Read(func(fd uintptr) bool {
		n, err = c.readNow(int(fd), said[:])
		return true
	}); rawErr != nil {
		return rawErr
	}
	switch {
	case n > 0:
		return errors.New("the server spoke first")
	case errors.Is(err, errNothing):
		return nil
	}
	return err
}

// source reads one side of a stream. It takes a buffer only when there are bytes to put in.
type source struct {
	raw  syscall.RawConn
	read func(fd int, p []byte) (int, error)
	try  func(fd uintptr) bool
	buf  *[]byte
	n    int
	err  error
}

func newSource(c conn) (*source, error) {
	s := &source{}
	switch c := c.(type) {
	case *secured:
		s.raw, s.read = c.wire.raw, c.readNow
	case *local:
		s.raw, s.read = c.raw, readNow
	default:
		return nil, fmt.Errorf("a stream over %T", c)
	}
	s.try = func(fd uintptr) bool {
		buf := buffers.Get().(*[]byte)
		if s.n, s.err = s.read(int(fd), *buf); s.n == 0 && s.err == errNothing {
			buffers.Put(buf)
			return false
		}
		s.buf = buf
		return true
	}
	return s, nil
}

// next waits for bytes. They are good until release, which has to follow; with an error there may be some, too.
func (s *source) next() ([]byte, error) {
	s.n, s.err = 0, nil
	if err := s.raw.Read(s.try); err != nil {
		return nil, err
	}
	return (*s.buf)[:s.n], s.err
}

func (s *source) release() {
	if s.buf != nil {
		buffers.Put(s.buf)
		s.buf = nil
	}
}

// buffers are of two TLS records' size: one read of the app's socket fills two, one read of TLS at most one.
var buffers = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}
