package tunnel

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// wire is the TCP connection beneath TLS. It can be read without waiting, so that whoever waits for bytes
// of a mesh connection needs no buffer until there are some.
type wire struct {
	*net.TCPConn
	raw syscall.RawConn
	fd  int // only while the runtime holds the descriptor for a read of ours; otherwise reads wait
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
	return &wire{TCPConn: tcp, raw: raw, fd: waiting}, nil
}

// Read implements net.Conn.
func (w *wire) Read(p []byte) (int, error) {
	if w.fd == waiting {
		return w.TCPConn.Read(p)
	}
	return readNow(w.fd, p)
}

// readNow reads what is there. errNothing says that nothing is, io.EOF that nothing will be.
func readNow(fd int, p []byte) (int, error) {
	for {
		n, err := unix.Read(fd, p)
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			return 0, errNothing
		case err != nil:
			return 0, fmt.Errorf("read: %w", err)
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

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
	case syscall.Conn:
		raw, err := c.SyscallConn()
		if err != nil {
			return nil, err
		}
		s.raw, s.read = raw, readNow
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
