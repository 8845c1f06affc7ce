package tunnel

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"syscall"
	"time"

	"redoubt.example/services/platform/mesh/internal/accept"
	"redoubt.example/services/platform/mesh/internal/handover"
	"redoubt.example/services/platform/mesh/internal/unixsock"
)

// Inbound passes mesh connections on to the app, each preceded by who calls.
type Inbound struct {
	Server    *Server
	Streams   *Streams
	AppSocket string
	Log       *slog.Logger
}

// Serve takes connections from ln until ctx ends, and returns when the last stream has ended.
func (i *Inbound) Serve(ctx context.Context, ln net.Listener) error {
	return accept.Serve(ctx, ln, func(c net.Conn) { i.handle(i.Streams.ctx, c) })
}

func (i *Inbound) handle(ctx context.Context, c net.Conn) {
	peer, caller, err := i.Server.Handshake(ctx, c)
	if err != nil {
		return // recorded there
	}
	s := &stream{peer: caller, remote: c.RemoteAddr(), direction: inbound, client: peer}
	if err := i.Streams.run(s, func() error { return i.relay(ctx, s, c) }); err != nil {
		i.Log.Debug("stream ended", "direction", inbound, "peer_service", caller.Service, "error", err.Error())
	}
}

// relay connects to the app with the caller's first bytes. Until there are any the app isn't bothered, so
// callers may hold connections ready; it means that the protocol inside has to be one where clients speak first.
func (i *Inbound) relay(ctx context.Context, s *stream, c net.Conn) error {
	// Once more, now that Recheck knows the stream: the intentions may have changed since the handshake.
	if err := i.Server.authorize(s.peer); err != nil {
		recordRefusal(err, i.Log, i.Server.metrics, inbound, s.remote.String())
		return err
	}
	first := buffers.Get().(*[]byte)
	app, err := i.begin(ctx, s, c, *first)
	buffers.Put(first)
	if err != nil {
		return err
	}
	if !s.join(app) {
		return net.ErrClosed
	}
	return s.relay()
}

// begin waits for the caller's first bytes and passes them to the app, after the header.
func (i *Inbound) begin(ctx context.Context, s *stream, c net.Conn, buf []byte) (conn, error) {
	header, err := handover.Header(s.peer, c.RemoteAddr(), c.LocalAddr())
	if err != nil {
		return nil, err
	}
	used := copy(buf, header)
	n, err := s.client.Read(buf[used:])
	if err != nil {
		return nil, err
	}
	app, err := i.dialApp(ctx)
	if err != nil {
		i.Log.Warn("the app can't be reached", "error", err.Error())
		return nil, err
	}
	s.toServer.Add(uint64(n))
	if _, err := app.Write(buf[:used+n]); err != nil {
		_ = app.Close()
		return nil, fmt.Errorf("hand over to the app: %w", err)
	}
	return app, nil
}

// dialApp waits a moment for an app that restarts: its callers then see a slow answer and not an error.
func (i *Inbound) dialApp(ctx context.Context) (conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	for {
		app, err := unixsock.Dial(ctx, i.AppSocket)
		if !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, syscall.ENOENT) {
			return app, err
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return nil, err
		}
	}
}
