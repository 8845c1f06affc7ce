package tunnel

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"

	"redoubt.example/services/platform/mesh/internal/nowait"
	"redoubt.example/services/platform/mesh/internal/unixsock"
)

// wire is the TCP connection beneath TLS. It can be read without waiting, so that whoever waits for bytes
// of a mesh connection needs no buffer until there are some.
type wire struct {
	*net.TCPConn
	raw syscall.RawConn
	fd  int // only while the runtime holds the descriptor for a read of ours; otherwise reads wait
	in  nowait.Transfer
	out nowait.Transfer
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
	w.in.Init(nowait.Read)
	w.out.Init(nowait.Write)
	return w, nil
}

// Read implements net.Conn. TLS has one reader at a time, and one writer.
func (w *wire) Read(p []byte) (int, error) {
	if w.fd == waiting {
		return w.in.Do(w.raw.Read, p)
	}
	return nowait.Read(w.fd, p)
}

// Write implements net.Conn.
func (w *wire) Write(p []byte) (int, error) { return w.out.All(w.raw.Write, p) }

// Control hands out the descriptor, which is good until use returns.
func (w *wire) Control(use func(fd int) error) (err error) {
	if cerr := w.raw.Control(func(fd uintptr) { err = use(int(fd)) }); cerr != nil {
		return cerr
	}
	return err
}

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
	case errors.Is(err, nowait.ErrNothing):
		return nil
	}
	return err
}

// source reads one side of a stream. It takes a buffer only when there are bytes to put in.
type source struct {
	wait func(try func(fd uintptr) bool) error
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
		s.wait, s.read = c.wire.raw.Read, c.readNow
	case *unixsock.Conn:
		s.wait, s.read = c.WaitReadable, func(_ int, p []byte) (int, error) { return c.ReadNow(p) }
	default:
		return nil, fmt.Errorf("a stream over %T", c)
	}
	s.try = func(fd uintptr) bool {
		buf := buffers.Get().(*[]byte)
		if s.n, s.err = s.read(int(fd), *buf); s.n == 0 && s.err == nowait.ErrNothing {
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
	if err := s.wait(s.try); err != nil {
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
