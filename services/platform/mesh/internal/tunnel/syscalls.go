package tunnel

import (
	"fmt"
	"io"
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What is read and written here never waits, so the scheduler isn't told of it: that would wake the runtime's monitor thread
// (sysmon) for each request that finds the process idle, which costs more than all the rest of a relay's work.

// readNow reads what is there. errNothing says that nothing is, io.EOF that nothing will be.
func readNow(fd int, p []byte) (int, error) {
	n, err := now(unix.SYS_READ, fd, p)
	if err == nil && n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, err
}

// writeNow writes what there is room for, or says errNothing.
func writeNow(fd int, p []byte) (int, error) { return now(unix.SYS_WRITE, fd, p) }

// now does one system call on a descriptor that doesn't block.
func now(call uintptr, fd int, p []byte) (int, error) {
	for {
		n, _, errno := unix.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
		case unix.EAGAIN:
			return 0, errNothing
		default:
			return 0, fmt.Errorf("read or write: %w", errno)
		}
	}
}

// transfer is one direction of a connection: a system call that is tried until there is something to be had.
type transfer struct {
	call func(fd int, p []byte) (int, error)
	try  func(fd uintptr) bool // made once: it would be an allocation each time
	p    []byte
	n    int
	err  error
}

func (t *transfer) init(call func(fd int, p []byte) (int, error)) {
	t.call = call
	t.try = func(fd uintptr) bool {
		t.n, t.err = t.call(int(fd), t.p)
		return t.err != errNothing
	}
}

// do waits until the call moves something. wait is syscall.RawConn's Read or Write.
func (t *transfer) do(wait func(func(fd uintptr) bool) error, p []byte) (int, error) {
	t.p = p
	err := wait(t.try)
	t.p = nil
	if err != nil {
		return 0, err
	}
	return t.n, t.err
}

// all goes on until everything has been moved.
func (t *transfer) all(wait func(func(fd uintptr) bool) error, p []byte) (moved int, err error) {
	for moved < len(p) {
		n, err := t.do(wait, p[moved:])
		moved += n
		if err != nil {
			return moved, err
		}
	}
	return moved, nil
}

// local is a connection on this machine, to or from the app.
type local struct {
	*net.UnixConn
	raw syscall.RawConn
	out transfer
}

func newLocal(c *net.UnixConn) (*local, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	l := &local{UnixConn: c, raw: raw}
	l.out.init(writeNow)
	return l, nil
}

// Write implements net.Conn, for one writer at a time.
func (l *local) Write(p []byte) (int, error) { return l.out.all(l.raw.Write, p) }
