package tunnel

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"time"

	"redoubt.example/services/platform/mesh/internal/accept"
	"redoubt.example/services/platform/mesh/internal/handover"
	"redoubt.example/services/platform/mesh/internal/unixsock"
)

// unusedTimeout ends a connection over which the caller hasn't sent anything. Callers keep theirs for less.
const unusedTimeout = 2 * time.Minute

// Inbound passes mesh connections on to the app, each preceded by who calls.
type Inbound struct {
	Server    *Server
	Streams   *Streams
	AppSocket string
	Log       *slog.Logger
}

// Serve takes connections from ln until ctx ends, and returns when the last stream has ended.
func (i *Inbound) Serve(ctx context.Context, ln net.Listener) error {
	return accept.Serve(ctx, i.Server.crowd.listen(ln), func(c net.Conn) { i.handle(i.Streams.ctx, c) })
}

func (i *Inbound) handle(ctx context.Context, c net.Conn) {
	p, err := i.Server.handshake(ctx, c)
	if err != nil {
		return // recorded there
	}
	s := &stream{peer: p.id, remote: c.RemoteAddr(), direction: inbound, client: p.secured}
	if err := i.Streams.run(s, func() error { i.Streams.limit(s, p.term); return i.relay(ctx, s) }); err != nil {
		i.Log.Debug("stream ended", "direction", inbound, "peer_service", s.peer.Service, "error", err.Error())
	}
}

// relay connects to the app with the caller's first bytes. Until there are any the app isn't bothered, so
// callers may hold connections ready; it means that the protocol inside has to be one where clients speak first.
func (i *Inbound) relay(ctx context.Context, s *stream) error {
	// Once more, now that Recheck knows the stream: the intentions may have changed since the handshake.
	if err := i.Server.authorize(s.peer); err != nil {
		recordRefusal(err, i.Log, i.Server.metrics, inbound, s.remote.String())
		return err
	}
	from, err := newSource(s.client)
	if err != nil {
		return err
	}
	app, err := i.begin(ctx, s, from)
	if err != nil {
		return err
	}
	if !s.join(app) {
		return net.ErrClosed
	}
	return s.relay(from)
}

// begin waits for the caller's first bytes and passes them to the app, after the header.
func (i *Inbound) begin(ctx context.Context, s *stream, from *source) (conn, error) {
	_ = s.client.SetReadDeadline(time.Now().Add(unusedTimeout))
	first, err := from.next()
	defer from.release()
	if err != nil {
		return nil, err
	}
	_ = s.client.SetReadDeadline(time.Time{})
	i.Streams.begin(s)
	s.sniff(first)
	s.count(len(first), false)
	header, err := handover.Header(s.peer, s.remote, s.client.LocalAddr())
	if err != nil {
		return nil, err
	}
	app, err := i.dialApp(ctx)
	if err != nil {
		i.Log.Warn("the app can't be reached", "error", err.Error())
		return nil, err
	}
	if _, err := app.Write(append(header, first...)); err != nil {
		_ = app.Close()
		return nil, fmt.Errorf("hand over to the app: %w", err)
	}
	return app, nil
}

// dialApp waits a moment for an app that restarts: its callers then see a slow answer and not an error.
func (i *Inbound) dialApp(ctx context.Context) (conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	return unixsock.Await(ctx, i.AppSocket)
}
