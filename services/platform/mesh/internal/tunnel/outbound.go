package tunnel

import (
	"context"
	"log/slog"
	"net"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/mesh/internal/accept"
	"redoubt.example/services/platform/mesh/internal/identity"
	"redoubt.example/services/platform/mesh/internal/unixsock"
)

// Outbound passes the app's connections to one upstream on to the mesh.
type Outbound struct {
	Client   *Client
	Streams  *Streams
	Upstream string
	Log      *slog.Logger
}

// Serve takes connections from ln until ctx ends, and returns when the last stream has ended.
func (o *Outbound) Serve(ctx context.Context, ln *unixsock.Listener) error {
	return accept.Serve(ctx, ln, func(c net.Conn) { o.handle(o.Streams.ctx, c.(*net.UnixConn)) })
}

func (o *Outbound) handle(ctx context.Context, app *net.UnixConn) {
	defer app.Close()
	if peer, err := unixsock.Check(app); err != nil {
		o.Client.metrics.refused.WithLabelValues(outbound, controls.MeshPeerCred).Inc()
		(&identity.Refusal{Control: controls.MeshPeerCred, Reason: err.Error()}).Record(o.Log, peer.String())
		return
	}
	mesh, err := o.Client.Dial(ctx, o.Upstream)
	if err != nil {
		o.Log.Warn("the upstream can't be reached", "upstream", o.Upstream, "error", err.Error())
		return
	}
	s := &stream{peer: peerID(mesh), remote: mesh.RemoteAddr(), direction: outbound, client: app, server: mesh}
	switch err := o.Streams.run(s, s.relay); {
	case refusedByPeer(err):
		o.Log.Warn("the upstream refused us", "upstream", o.Upstream, "peer", s.remote.String(), "error", err.Error())
	case err != nil:
		o.Log.Debug("stream ended", "direction", outbound, "peer_service", o.Upstream, "error", err.Error())
	}
}
