package mesh

import (
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/mesh/internal/handover"
	"redoubt.example/services/platform/mesh/internal/identity"
	"redoubt.example/services/platform/mesh/internal/unixsock"
)

// headerTimeout is how long the sidecar may take to say who calls. It says so with the first bytes.
const headerTimeout = 2 * time.Second

// callerConn is a connection whose caller is proved.
type callerConn struct {
	net.Conn
	caller ID
	remote net.Addr // the caller's own address, at the other end of the mesh
}

func (c *callerConn) RemoteAddr() net.Addr { return c.remote }

// listener accepts from our own sidecar only, and only with a PROXY header that names the caller. Each
// connection is checked in its own goroutine: a slow one keeps nobody waiting.
type listener struct {
	socket *unixsock.Listener
	log    *slog.Logger
	ready  chan net.Conn
	failed chan error // why accepting ended; one value

	closing  chan struct{}
	once     sync.Once
	checking sync.WaitGroup
}

func newListener(socket *unixsock.Listener, log *slog.Logger) *listener {
	l := &listener{socket: socket, log: log, ready: make(chan net.Conn), failed: make(chan error, 1), closing: make(chan struct{})}
	l.checking.Go(l.run)
	return l
}

func (l *listener) run() {
	for {
		c, err := l.socket.AcceptUnix()
		switch {
		case err == nil:
			l.checking.Go(func() { l.check(c) })
		case errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE), errors.Is(err, unix.ECONNABORTED):
			select { // a closing connection gives a descriptor back
			case <-time.After(50 * time.Millisecond):
			case <-l.closing:
			}
		default:
			l.failed <- err
			return
		}
	}
}

// check hands c on to Accept, or closes it with a security event.
func (l *listener) check(c *net.UnixConn) {
	stop := make(chan struct{})
	defer close(stop)
	go func() { // a listener that closes doesn't wait for a header
		select {
		case <-l.closing:
			_ = c.SetDeadline(time.Unix(1, 0))
		case <-stop:
		}
	}()
	conn, peer, err := identify(c)
	if err != nil {
		_ = c.Close()
		if !isClosed(l.closing) {
			(&identity.Refusal{Control: controls.MeshPeerCred, Reason: err.Error()}).Record(l.log, peer.String())
		}
		return
	}
	select {
	case l.ready <- conn:
	case <-l.closing:
		_ = c.Close()
	}
}

func identify(c *net.UnixConn) (*callerConn, unixsock.Peer, error) {
	peer, err := unixsock.Check(c)
	if err != nil {
		return nil, peer, err
	}
	if err := c.SetReadDeadline(time.Now().Add(headerTimeout)); err != nil {
		return nil, peer, err
	}
	caller, remote, err := handover.Read(c)
	if err != nil {
		return nil, peer, err
	}
	if err := c.SetReadDeadline(time.Time{}); err != nil {
		return nil, peer, err
	}
	return &callerConn{Conn: c, caller: caller, remote: remote}, peer, nil
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case <-l.closing:
		return nil, net.ErrClosed
	default:
	}
	select {
	case c := <-l.ready:
		return c, nil
	case err := <-l.failed:
		return nil, err
	case <-l.closing:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener. Connections that were accepted stay.
func (l *listener) Close() (err error) {
	l.once.Do(func() {
		close(l.closing)
		err = l.socket.Close()
		l.checking.Wait()
	})
	return err
}

// Addr implements net.Listener.
func (l *listener) Addr() net.Addr { return l.socket.Addr() }

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
