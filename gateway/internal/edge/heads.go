package edge

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync/atomic"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/telemetry"
)

// heads keeps the record of requests whose head never became one: net/http ends their connection by itself, before any
// handler, and says nothing. One that came too slowly is a decision of edge.slow-client, one that isn't HTTP of edge.shape.
type heads struct {
	net.Listener
	log *slog.Logger
}

// arriving is a connection of which is known how its last read ended, and whether a head has begun that isn't complete.
type arriving struct {
	net.Conn
	pending atomic.Bool
	ended   atomic.Value // endOfRead
}

type endOfRead struct{ error }

// Accept implements net.Listener.
func (h heads) Accept() (net.Conn, error) {
	conn, err := h.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &arriving{Conn: conn}, nil
}

// Read implements net.Conn.
func (a *arriving) Read(b []byte) (int, error) {
	n, err := a.Conn.Read(b)
	a.ended.Store(endOfRead{err})
	return n, err
}

type arrivingKey struct{}

// context is http.Server's ConnContext.
func (heads) context(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, arrivingKey{}, arrivingOf(c))
}

func arrivingOf(c net.Conn) *arriving {
	if over, ok := c.(*tls.Conn); ok {
		c = over.NetConn()
	}
	a, _ := c.(*arriving)
	return a
}

// handler is where a head is complete.
func (heads) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a, _ := r.Context().Value(arrivingKey{}).(*arriving); a != nil {
			a.pending.Store(false)
		}
		next.ServeHTTP(w, r)
	})
}

// state is http.Server's ConnState. A connection becomes active with the first bytes of a head, and is closed without having
// been served if that wasn't one. HTTP/2 has frames instead, and ends what breaks its rules by itself (RFC 9113 section 5.4).
func (h heads) state(c net.Conn, s http.ConnState) {
	a := arrivingOf(c)
	if over, ok := c.(*tls.Conn); a == nil || !ok || over.ConnectionState().NegotiatedProtocol == "h2" {
		return
	}
	switch s {
	case http.StateActive:
		a.pending.Store(true)
	case http.StateClosed:
		if a.pending.Load() {
			h.refused(a)
		}
	}
}

func (h heads) refused(a *arriving) {
	last, _ := a.ended.Load().(endOfRead)
	control, why := controls.EdgeShape, "its head isn't one of HTTP, or is too long"
	switch {
	case errors.Is(last.error, os.ErrDeadlineExceeded):
		control, why = controls.EdgeSlowClient, fmt.Sprintf("a request's head didn't arrive within %v", headerTimeout)
	case last.error != nil: // it hung up
		return
	}
	controls.Record(telemetry.WithLogger(context.Background(), h.log), control, controls.Deny, why, "peer", a.RemoteAddr().String())
}
