// Package rawtcp is plaintext TCP whose system calls Go's scheduler isn't told of, as the mesh makes its own
// (services/platform/mesh/internal/nowait). Beside plain TCP it shows what that is worth by itself, and beside the mesh what
// TLS costs.
package rawtcp

import (
	"context"
	"fmt"
	"io"
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// conn implements net.Conn.
type conn struct {
	*net.TCPConn
	raw syscall.RawConn
}

func over(c net.Conn) (net.Conn, error) {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return nil, fmt.Errorf("%T is no TCP connection", c)
	}
	raw, err := tcp.SyscallConn()
	return &conn{tcp, raw}, err
}

// Dial connects to an address.
func Dial(ctx context.Context, address string) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return over(c)
}

// Listener gives a TCP listener's connections their system calls.
type Listener struct{ net.Listener }

// Accept implements net.Listener.
func (l Listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return over(c)
}

// Read implements io.Reader.
func (c *conn) Read(p []byte) (n int, err error) {
	if waited := c.raw.Read(func(fd uintptr) bool {
		n, err = now(unix.SYS_READ, fd, p)
		return err != unix.EAGAIN
	}); waited != nil {
		return 0, waited
	}
	if n == 0 && err == nil && len(p) > 0 {
		err = io.EOF
	}
	return n, err
}

// Write implements io.Writer.
func (c *conn) Write(p []byte) (written int, err error) {
	for written < len(p) && err == nil {
		var n int
		if waited := c.raw.Write(func(fd uintptr) bool {
			n, err = now(unix.SYS_WRITE, fd, p[written:])
			return err != unix.EAGAIN
		}); waited != nil {
			return written, waited
		}
		written += n
	}
	return written, err
}

// now makes a system call on a descriptor that doesn't block.
func now(call uintptr, fd uintptr, p []byte) (int, error) {
	for {
		n, _, errno := unix.RawSyscall(call, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}
