// Package unixsock makes sockets that only their owner may use, and checks who is at the other end.
package unixsock

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"redoubt.example/services/platform/controls"
)

// maxPath is what fits in sockaddr_un, without its closing zero.
const maxPath = 107

// Listener is a unix socket in the file system, mode 0600. Close removes its file.
type Listener struct {
	ln   *net.UnixListener
	next atomic.Pointer[net.UnixConn] // accepted, and there was no descriptor left for it
	path string
	file os.FileInfo
}

// Listen makes a socket at path. It takes the place of one that a killed process left behind, in one
// step: at no moment is there a socket of that name that others may open.
func Listen(path string) (*Listener, error) {
	if len(path) > maxPath-4 {
		return nil, fmt.Errorf("listen on %s: a socket's path has at most %d bytes", path, maxPath-4)
	}
	tmp := path + ".new"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: tmp, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	ln.SetUnlinkOnClose(false)
	l := &Listener{ln: ln, path: path}
	if err := l.publish(tmp); err != nil {
		_ = ln.Close()
		_ = os.Remove(tmp)
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	return l, nil
}

func (l *Listener) publish(tmp string) (err error) {
	if err := os.Chmod(tmp, 0o600); err != nil {
		return err
	}
	if l.file, err = os.Lstat(tmp); err != nil {
		return err
	}
	return os.Rename(tmp, l.path)
}

// Accept implements net.Listener. The connection is a *Conn. One for which there is no descriptor left isn't lost: the next call tries it again.
func (l *Listener) Accept() (net.Conn, error) {
	c := l.next.Swap(nil)
	if c == nil {
		var err error
		if c, err = l.ln.AcceptUnix(); err != nil {
			return nil, err
		}
	}
	conn, err := adopt(c)
	if err != nil {
		l.keep(c)
		return nil, &net.OpError{Op: "accept", Net: "unix", Addr: l.Addr(), Err: err}
	}
	return conn, nil
}

func (l *Listener) keep(c *net.UnixConn) {
	if before := l.next.Swap(c); before != nil {
		_ = before.Close()
	}
}

// Addr is the socket's path; the kernel remembers the one it was made under.
func (l *Listener) Addr() net.Addr { return &net.UnixAddr{Name: l.path, Net: "unix"} }

// Close stops listening and removes the socket's file, unless a successor has taken its place.
func (l *Listener) Close() error {
	if now, err := os.Lstat(l.path); err == nil && os.SameFile(now, l.file) {
		_ = os.Remove(l.path)
	}
	err := l.ln.Close()
	l.keep(nil)
	return err
}

// Peer is the process at the other end, as the kernel recorded it when the connection was made.
type Peer struct{ PID, UID int }

func (p Peer) String() string { return fmt.Sprintf("pid %d uid %d", p.PID, p.UID) }

// ErrOtherUser tells that the other end runs as another user than this process.
var ErrOtherUser = errors.New("the other end is a process of another user")

// Check returns who is at the other end (SO_PEERCRED), with ErrOtherUser unless it has our own uid.
func Check(c *Conn) (Peer, error) {
	var peer Peer
	if err := c.Control(func(fd int) error {
		cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
		if err == nil {
			peer = Peer{PID: int(cred.Pid), UID: int(cred.Uid)}
		}
		return err
	}); err != nil {
		return Peer{}, fmt.Errorf("peer credentials: %w", err)
	}
	if peer.UID != os.Geteuid() && controls.On(controls.MeshPeerCred) {
		return peer, ErrOtherUser
	}
	return peer, nil
}

// Dial connects to the socket at path, and refuses one that another user's process serves.
func Dial(ctx context.Context, path string) (*Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	conn, err := adopt(c.(*net.UnixConn))
	if err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("dial %s: %w", filepath.Base(path), err)
	}
	if peer, err := Check(conn); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("dial %s: %s: %w", filepath.Base(path), peer, err)
	}
	return conn, nil
}

// Await is Dial, and tries again, until ctx ends, while nobody listens: a process that restarts is back in a moment.
func Await(ctx context.Context, path string) (*Conn, error) {
	for {
		c, err := Dial(ctx, path)
		if !errors.Is(err, unix.ECONNREFUSED) && !errors.Is(err, unix.ENOENT) {
			return c, err
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return nil, err
		}
	}
}
