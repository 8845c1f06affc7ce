// Package nowait reads and writes descriptors that don't block.
//
// Such a call never waits, so Go's scheduler isn't told of it, as it is of those that packages net and os make: that would wake the runtime's
// monitor thread (sysmon) for each message that finds the process idle, which costs more than all the rest of a relay's work. Until it returns, the
// thread can't be taken away for a garbage collection; it copies at most what a socket's buffer holds.
package nowait

import (
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// ErrNothing says that there is nothing to be read now, or no room for what is to be written. It is temporary in the sense of net.Error:
// crypto/tls goes on after one.
var ErrNothing error = nothing{}

type nothing struct{}

func (nothing) Error() string   { return "nothing to be had now" }
func (nothing) Timeout() bool   { return true }
func (nothing) Temporary() bool { return true }

// Read reads what is there. ErrNothing says that nothing is, io.EOF that nothing will be.
func Read(fd int, p []byte) (int, error) {
	n, err := call("read", read, fd, p)
	if err == nil && n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, err
}

// Write writes what there is room for, or says ErrNothing.
func Write(fd int, p []byte) (int, error) { return call("write", write, fd, p) }

func call(name string, direct func(fd int, p []byte) (int, syscall.Errno), fd int, p []byte) (int, error) {
	for {
		n, errno := direct(fd, p)
		switch errno {
		case 0:
			return n, nil
		case unix.EINTR:
		case unix.EAGAIN:
			return 0, ErrNothing
		default:
			return 0, os.NewSyscallError(name, errno)
		}
	}
}

// Transfer is one direction of a connection: a call that is tried until there is something to be had. It is for one goroutine at a time.
type Transfer struct {
	call func(fd int, p []byte) (int, error)
	try  func(fd uintptr) bool // made once: it would be an allocation each time
	p    []byte
	n    int
	err  error
}

// Init says which call: Read, Write, or one like them.
func (t *Transfer) Init(call func(fd int, p []byte) (int, error)) {
	t.call = call
	t.try = func(fd uintptr) bool {
		t.n, t.err = t.call(int(fd), t.p)
		return t.err != ErrNothing
	}
}

// Do waits until the call moves something. wait is syscall.RawConn's Read or Write, or one like them.
func (t *Transfer) Do(wait func(func(fd uintptr) bool) error, p []byte) (int, error) {
	t.p = p
	err := wait(t.try)
	t.p = nil
	if err != nil {
		return 0, err
	}
	return t.n, t.err
}

// All goes on until everything has been moved.
func (t *Transfer) All(wait func(func(fd uintptr) bool) error, p []byte) (moved int, err error) {
	for moved < len(p) {
		n, err := t.Do(wait, p[moved:])
		moved += n
		if err != nil {
			return moved, err
		}
	}
	return moved, nil
}
