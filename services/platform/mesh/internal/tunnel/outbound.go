package tunnel

import (
	"context"
	"log/slog"
	"net"
	"sync/atomic"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/mesh/internal/accept"
	"redoubt.example/services/platform/mesh/internal/identity"
	"redoubt.example/services/platform/mesh/internal/unixsock"
	"redoubt.example/services/platform/mesh/spiffe"
)

// maxAttempts bounds the connections tried for one stream whose first bytes nobody takes.
const maxAttempts = 3

// Outbound passes the app's connections to one upstream on to the mesh.
type Outbound struct {
	Client   *Client
	Streams  *Streams
	Upstream string
	Log      *slog.Logger

	away atomic.Bool
}

// Serve takes connections from ln until ctx ends, and returns when the last stream has ended.
func (o *Outbound) Serve(ctx context.Context, ln *unixsock.Listener) error {
	return accept.Serve(ctx, ln, func(c net.Conn) { o.handle(o.Streams.ctx, c.(*unixsock.Conn)) })
}

func (o *Outbound) handle(ctx context.Context, app *unixsock.Conn) {
	if peer, err := unixsock.Check(app); err != nil {
		_ = app.Close()
		o.Client.metrics.refused.WithLabelValues(outbound, controls.MeshPeerCred).Inc()
		(&identity.Refusal{Control: controls.MeshPeerCred, Reason: err.Error()}).Record(o.Log, peer.String())
		return
	}
	s := &stream{peer: spiffe.ID{Service: o.Upstream}, direction: outbound, client: app}
	switch err := o.Streams.run(s, func() error { return o.relay(ctx, s) }); {
	case refusedByPeer(err):
		o.Client.refusedBy(o.Upstream)
		o.Log.Warn("the upstream refused us", "upstream", o.Upstream, "peer", addressOf(s.remote), "error", err.Error())
	case err != nil:
		o.Log.Debug("stream ended", "direction", outbound, "peer_service", o.Upstream, "error", err.Error())
	}
}

// relay takes a mesh connection once the app has something to say, so that one which is dead by then can
// still be exchanged for another.
func (o *Outbound) relay(ctx context.Context, s *stream) error {
	from, err := newSource(s.client)
	if err != nil {
		return err
	}
	first, err := from.next()
	if err == nil {
		o.Streams.begin(s)
		s.sniff(first)
		s.count(len(first), false)
		err = o.begin(ctx, s, first)
	}
	from.release()
	if err != nil {
		return err
	}
	return s.relay(from)
}

// begin sends the first bytes to an instance. When not one byte of them could be given even to the kernel,
// nothing can have been delivered, and another instance gets them; in any other case that can't be known.
func (o *Outbound) begin(ctx context.Context, s *stream, first []byte) error {
	for attempt := 1; ; attempt++ {
		c, err := o.Client.Dial(ctx, o.Upstream)
		o.note(err)
		if err != nil {
			return err
		}
		if n, err := c.Write(first); err != nil {
			c.fail()
			if n > 0 || attempt == maxAttempts {
				return err
			}
			continue
		}
		s.use(c)
		if !s.join(c.secured) {
			return net.ErrClosed
		}
		o.Streams.limit(s, c.term)
		return nil
	}
}

// note says when the upstream can't be reached any more, and when it can be again: once, however many ask for it meanwhile.
func (o *Outbound) note(err error) {
	if was := o.away.Swap(err != nil); was == (err != nil) {
		return
	}
	if err != nil {
		o.Log.Warn("the upstream can't be reached", "upstream", o.Upstream, "error", err.Error())
		return
	}
	o.Log.Info("the upstream can be reached again", "upstream", o.Upstream)
}
