package unixsock

import (
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// poller has Go's poller await some events of a socket, and no others.
//
// Go's own awaits room to write on every socket, all the time. A unix socket has room again, and so wakes its owner, whenever its peer has read: once
// more for each message, for nothing. So the socket is registered with an epoll instance of its own, which in turn is registered with Go's. Nobody
// calls epoll_wait on the inner instance. It only becomes readable, as Go's poller sees it, when one of its events holds; the goroutine that waits then
// tries its call again. (Before Linux 5.6 the outer instance would have been woken without end while the inner one stays readable.)
type poller struct {
	epoll int      // good until file is closed
	file  *os.File // epoll, registered with Go's poller
	raw   syscall.RawConn
}

func newPoller(fd int, events uint32) (*poller, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	_ = unix.SetNonblock(epoll, true) // else package os doesn't register it
	p := &poller{epoll: epoll, file: os.NewFile(uintptr(epoll), "epoll")}
	if p.raw, err = p.file.SyscallConn(); err == nil {
		err = os.NewSyscallError("epoll_ctl", unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: events}))
	}
	if err == nil && p.setDeadline(time.Time{}) != nil { // package os doesn't say that it couldn't register it: there are too many
		err = os.NewSyscallError("epoll_ctl", unix.ENOSPC)
	}
	if err != nil {
		_ = p.close()
		return nil, err
	}
	return p, nil
}

// watch makes these the events to be awaited.
func (p *poller) watch(fd int, events uint32) error {
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.epoll, unix.EPOLL_CTL_MOD, fd, &unix.EpollEvent{Events: events}))
}

func (p *poller) setDeadline(t time.Time) error { return p.file.SetReadDeadline(t) }

func (p *poller) close() error { return p.file.Close() }
