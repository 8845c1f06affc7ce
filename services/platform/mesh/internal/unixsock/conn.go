package unixsock

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"redoubt.example/services/platform/mesh/internal/nowait"
)

// Conn is a stream over a unix socket, as net.UnixConn is, that wakes its process less often: see poller, and package nowait. It has two
// descriptors, and a third once a write had to wait.
type Conn struct {
	local, remote net.Addr
	readable      *poller

	mu       sync.RWMutex // held for reading while fd is used, so that it isn't another file's by then
	open     bool
	fd       int
	writable *poller   // nil until a write has to wait
	deadline time.Time // of writes

	reading, writing sync.Mutex // one Read, one Write at a time
	in, out          nowait.Transfer

	forgotten runtime.Cleanup // closes fd if nobody does
}

// adopt moves c's socket into a Conn. The descriptor is duplicated and c closed, which takes the socket out of Go's poller. With an error c is
// as it was.
func adopt(c *net.UnixConn) (*Conn, error) {
	fd, err := duplicate(c)
	if err != nil {
		return nil, err
	}
	readable, err := newPoller(fd, unix.EPOLLIN|unix.EPOLLRDHUP)
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	conn := &Conn{local: c.LocalAddr(), remote: c.RemoteAddr(), readable: readable, open: true, fd: fd}
	conn.in.Init(func(_ int, p []byte) (int, error) { return conn.ReadNow(p) })
	conn.out.Init(func(_ int, p []byte) (int, error) { return conn.now("write", nowait.Write, p) })
	conn.forgotten = runtime.AddCleanup(conn, func(fd int) { _ = unix.Close(fd) }, fd)
	_ = c.Close()
	return conn, nil
}

func duplicate(c *net.UnixConn) (fd int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	if cerr := raw.Control(func(own uintptr) { fd, err = unix.FcntlInt(own, unix.F_DUPFD_CLOEXEC, 0) }); cerr != nil {
		return 0, cerr
	}
	return fd, os.NewSyscallError("dup", err)
}

// Read implements net.Conn.
func (c *Conn) Read(p []byte) (int, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	return c.in.Do(c.WaitReadable, p)
}

// WaitReadable calls try until it returns true: now, and whenever there may be more to read. It has the signature of syscall.RawConn's Read, but
// what try gets isn't the socket; ReadNow is for that.
func (c *Conn) WaitReadable(try func(uintptr) bool) error { return c.wait("read", c.readable, try) }

func (c *Conn) wait(op string, p *poller, try func(uintptr) bool) error {
	err := p.raw.Read(try)
	if err != nil && !c.isOpen() {
		err = net.ErrClosed // package os says it in words of its own
	}
	return c.failed(op, err)
}

// ReadNow reads what is there, or says nowait.ErrNothing.
func (c *Conn) ReadNow(p []byte) (int, error) { return c.now("read", nowait.Read, p) }

// Write implements net.Conn.
func (c *Conn) Write(p []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.writeDeadlinePassed() {
		return 0, c.failed("write", os.ErrDeadlineExceeded)
	}
	n, err := c.now("write", nowait.Write, p)
	if err == nowait.ErrNothing || err == nil && n < len(p) {
		return c.writeWithRoom(p, n)
	}
	return n, err
}

// writeWithRoom waits for room whenever there is none.
func (c *Conn) writeWithRoom(p []byte, written int) (int, error) {
	for {
		err := c.watchRoom()
		if err == nil {
			break
		}
		var n int
		if n, err = c.writeUnwatched(p[written:], err); err != nil {
			return written + n, err
		}
		if written += n; written == len(p) {
			return written, nil
		}
	}
	defer c.unwatchRoom()
	n, err := c.out.All(func(try func(uintptr) bool) error { return c.wait("write", c.writable, try) }, p[written:])
	return written + n, err
}

// writeUnwatched writes what there is room for in a moment. It takes the place of being woken while there is no descriptor for that.
func (c *Conn) writeUnwatched(p []byte, because error) (int, error) {
	var call *os.SyscallError
	switch {
	case !errors.As(because, &call):
		return 0, c.failed("write", because)
	case c.writeDeadlinePassed():
		return 0, c.failed("write", os.ErrDeadlineExceeded)
	}
	time.Sleep(5 * time.Millisecond)
	n, err := c.now("write", nowait.Write, p)
	if err == nowait.ErrNothing {
		err = nil
	}
	return n, err
}

// watchRoom has writable await room.
func (c *Conn) watchRoom() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !c.open:
		return net.ErrClosed
	case c.writable != nil:
		return c.writable.watch(c.fd, unix.EPOLLOUT)
	}
	writable, err := newPoller(c.fd, unix.EPOLLOUT)
	if err != nil {
		return err
	}
	c.writable = writable
	return writable.setDeadline(c.deadline)
}

func (c *Conn) unwatchRoom() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open {
		_ = c.writable.watch(c.fd, 0)
	}
}

func (c *Conn) now(op string, call func(fd int, p []byte) (int, error), p []byte) (int, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if !c.open {
		return 0, c.failed(op, net.ErrClosed)
	}
	n, err := call(c.fd, p)
	if err == nil || err == io.EOF || err == nowait.ErrNothing {
		return n, err
	}
	return n, c.failed(op, err)
}

// failed makes err what package net would make of it.
func (c *Conn) failed(op string, err error) error {
	if err == nil {
		return nil
	}
	return &net.OpError{Op: op, Net: "unix", Source: c.local, Addr: c.remote, Err: err}
}

// Control hands out the descriptor, which is good until use returns. Once the connection is closed, it is net.ErrClosed.
func (c *Conn) Control(use func(fd int) error) error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if !c.open {
		return net.ErrClosed
	}
	return use(c.fd)
}

func (c *Conn) isOpen() bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.open
}

// CloseWrite tells the peer that nothing more comes.
func (c *Conn) CloseWrite() error { return c.shutdown(unix.SHUT_WR) }

// CloseRead makes the peer's next write fail. What it had written before can still be read.
func (c *Conn) CloseRead() error { return c.shutdown(unix.SHUT_RD) }

func (c *Conn) shutdown(how int) error {
	return c.failed("shutdown", c.Control(func(fd int) error { return os.NewSyscallError("shutdown", unix.Shutdown(fd, how)) }))
}

// Close implements net.Conn.
func (c *Conn) Close() error {
	c.mu.Lock()
	was, writable := c.open, c.writable
	c.open = false
	c.mu.Unlock()
	if !was {
		return c.failed("close", net.ErrClosed)
	}
	c.forgotten.Stop()
	err := unix.Close(c.fd)
	// These wake whoever waits, and return once a try in progress has. A try takes mu, so mu isn't held here.
	_ = c.readable.close()
	if writable != nil {
		_ = writable.close()
	}
	return c.failed("close", os.NewSyscallError("close", err))
}

// LocalAddr implements net.Conn.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr implements net.Conn.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline implements net.Conn.
func (c *Conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// SetReadDeadline implements net.Conn.
func (c *Conn) SetReadDeadline(t time.Time) error {
	err := c.Control(func(int) error { return c.readable.setDeadline(t) })
	return c.failed("set", err)
}

// SetWriteDeadline implements net.Conn.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	switch {
	case !c.open:
		return c.failed("set", net.ErrClosed)
	case c.writable == nil:
		return nil
	}
	return c.failed("set", c.writable.setDeadline(t))
}

func (c *Conn) writeDeadlinePassed() bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return !c.deadline.IsZero() && !time.Now().Before(c.deadline)
}
