package mesh

import (
	"context"
	"log/slog"
	"net"
	"time"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/mesh/internal/accept"
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

// fromSidecar returns the check of the app's listener: only our own sidecar, and only with a PROXY header that
// names the caller. All else is closed with a security event.
func fromSidecar(log *slog.Logger) accept.Check {
	return func(ctx context.Context, c net.Conn) (net.Conn, error) {
		stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
		defer stop()
		conn, peer, err := identify(c.(*unixsock.Conn))
		if err == nil {
			return conn, nil
		}
		_ = c.Close()
		if ctx.Err() == nil {
			(&identity.Refusal{Control: controls.MeshPeerCred, Reason: err.Error()}).Record(log, peer.String())
		}
		return nil, err
	}
}

func identify(c *unixsock.Conn) (*callerConn, unixsock.Peer, error) {
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
