package unixsock

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"redoubt.example/services/platform/mesh/internal/nowait"
)

// Conn is a stream over a unix socket, as net.UnixConn is, that wakes its process less often: see poller, and package nowait.
type Conn struct {
	local, remote net.Addr
	readable      *poller

	mu       sync.RWMutex // held for reading while the descriptor is used, so that it isn't another file's by then
	fd       int          // -1 once it is closed
	room     *poller      // while a write waits
	deadline time.Time    // of writes

	reading, writing sync.Mutex // one Read, one Write at a time
	in, out          nowait.Transfer
}

// adopt takes the socket of c, and c with it.
func adopt(c *net.UnixConn) (*Conn, error) {
	defer c.Close()
	fd, err := duplicate(c)
	if err != nil {
		return nil, err
	}
	readable, err := newPoller(fd, unix.EPOLLIN|unix.EPOLLRDHUP)
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	conn := &Conn{local: c.LocalAddr(), remote: c.RemoteAddr(), readable: readable, fd: fd}
	conn.in.Init(func(_ int, p []byte) (int, error) { return conn.ReadNow(p) })
	conn.out.Init(func(_ int, p []byte) (int, error) { return conn.now("write", nowait.Write, p) })
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
	return c.in.Do(c.Await, p)
}

// Await calls try until it returns true: now, and whenever there may be more to read. It has syscall.RawConn's signature, but what try gets isn't
// the socket; it has ReadNow.
func (c *Conn) Await(try func(uintptr) bool) error { return c.await("read", c.readable, try) }

func (c *Conn) await(op string, p *poller, try func(uintptr) bool) error {
	err := p.raw.Read(try)
	if err == nil {
		return nil
	}
	if c.Control(func(int) error { return nil }) != nil { // package os says it in words of its own
		err = net.ErrClosed
	}
	return c.failed(op, err)
}

// ReadNow reads what is there, or says nowait.ErrNothing.
func (c *Conn) ReadNow(p []byte) (int, error) { return c.now("read", nowait.Read, p) }

// Write implements net.Conn.
func (c *Conn) Write(p []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.late() {
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
	room, err := c.awaitRoom()
	if err != nil {
		return written, c.failed("write", err)
	}
	defer c.awaitNoRoom()
	n, err := c.out.All(func(try func(uintptr) bool) error { return c.await("write", room, try) }, p[written:])
	return written + n, err
}

func (c *Conn) awaitRoom() (*poller, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fd < 0 {
		return nil, net.ErrClosed
	}
	room, err := newPoller(c.fd, unix.EPOLLOUT)
	if err != nil {
		return nil, err
	}
	_ = room.SetReadDeadline(c.deadline)
	c.room = room
	return room, nil
}

func (c *Conn) awaitNoRoom() {
	c.mu.Lock()
	room := c.room
	c.room = nil
	c.mu.Unlock()
	_ = room.Close()
}

func (c *Conn) now(op string, call func(fd int, p []byte) (int, error), p []byte) (int, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.fd < 0 {
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
	if c.fd < 0 {
		return net.ErrClosed
	}
	return use(c.fd)
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
	fd, room := c.fd, c.room
	c.fd = -1
	c.mu.Unlock()
	if fd < 0 {
		return c.failed("close", net.ErrClosed)
	}
	err := unix.Close(fd)
	// These end waiting, and return only when nobody is in the middle of a try, which needs mu.
	_ = c.readable.Close()
	if room != nil {
		_ = room.Close()
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
	return c.failed("set", c.readable.SetReadDeadline(t))
}

// SetWriteDeadline implements net.Conn.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	if c.fd < 0 {
		return c.failed("set", net.ErrClosed)
	}
	if c.room == nil {
		return nil
	}
	return c.failed("set", c.room.SetReadDeadline(t))
}

// late tells whether the deadline of writes is over.
func (c *Conn) late() bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return !c.deadline.IsZero() && !time.Now().Before(c.deadline)
}

// poller has Go's poller await some events of a socket, and no others.
//
// Go's own awaits room to write on every socket, all the time. A unix socket has room again, so its owner is woken, whenever its peer has read: once more for
// each message, for nothing. So the socket is with an epoll instance of its own, which in turn is with Go's. Nobody asks that one what has happened
// (epoll_wait): Go's asks it whether anything is true of the socket, and the reader tries.
type poller struct {
	*os.File
	raw syscall.RawConn
}

func newPoller(fd int, events uint32) (*poller, error) {
	own, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	_ = unix.SetNonblock(own, true) // else package os doesn't give it to Go's poller
	p := &poller{File: os.NewFile(uintptr(own), "epoll")}
	if err = unix.EpollCtl(own, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: events}); err == nil {
		p.raw, err = p.SyscallConn()
	}
	if err != nil {
		_ = p.Close()
		return nil, os.NewSyscallError("epoll_ctl", err)
	}
	return p, nil
}
