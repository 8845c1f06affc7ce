package upstream_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/authn"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/telemetry"
	"redoubt.example/services/platform/upstream"
)

// socket is the way to a peer as a sidecar offers it: a unix socket per upstream.
type socket string

func (s socket) Dial(ctx context.Context, _ string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "unix", string(s))
}

// peer is a real HTTP server on a unix socket that can be restarted.
type peer struct {
	t       *testing.T
	path    socket
	handler http.HandlerFunc
	server  *http.Server
}

func newPeer(t *testing.T, handler http.HandlerFunc) *peer {
	p := &peer{t: t, path: socket(filepath.Join(t.TempDir(), "up.sock")), handler: handler}
	p.start()
	t.Cleanup(p.stop)
	return p
}

func (p *peer) start() {
	l, err := net.Listen("unix", string(p.path))
	require.NoError(p.t, err)
	p.server = &http.Server{Handler: p.handler}
	go func() { _ = p.server.Serve(l) }()
}

func (p *peer) stop() { _ = p.server.Close() }

func (p *peer) client(opts ...upstream.Option) *upstream.Client {
	c := upstream.HTTP(p.path, "payments", append([]upstream.Option{upstream.WithLogger(slog.New(slog.DiscardHandler))}, opts...)...)
	p.t.Cleanup(c.Close)
	return c
}

var key = http.Header{upstream.IdempotencyKey: {"k1"}}

func TestBreakerOpensAndCloses(t *testing.T) {
	var calls atomic.Int32
	var broken atomic.Bool
	broken.Store(true)
	p := newPeer(t, func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		if broken.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	c := p.client()
	call := func() error { return c.Call(t.Context(), "POST", "/", nil, nil, nil) }
	for range 5 {
		require.Equal(t, fault.UpstreamFailed, fault.KindOf(call()))
	}
	err := call()
	require.Equal(t, fault.BreakerOpen, fault.KindOf(err))
	require.Positive(t, fault.RetryDelay(err))
	require.EqualValues(t, 5, calls.Load(), "an open breaker doesn't ask")

	broken.Store(false)
	require.Eventually(t, func() bool { return call() == nil }, 5*time.Second, 20*time.Millisecond)
}

func TestWhatTheBreakerDoesNotCount(t *testing.T) {
	p := newPeer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-r.Context().Done()
		}
		w.WriteHeader(http.StatusForbidden)
	})
	c := p.client()
	for range 20 {
		require.Equal(t, fault.Denied, fault.KindOf(c.Call(t.Context(), "GET", "/", nil, nil, nil)))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		require.Equal(t, fault.Canceled, fault.KindOf(c.Call(ctx, "GET", "/slow", nil, nil, nil)))
	}
	require.Equal(t, fault.Denied, fault.KindOf(c.Call(t.Context(), "GET", "/", nil, nil, nil)))
}

func TestSlowUpstream(t *testing.T) {
	p := newPeer(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	c := p.client(upstream.WithTimeout(20 * time.Millisecond))
	err := c.Call(t.Context(), "POST", "/", nil, nil, nil)
	require.Equal(t, fault.Timeout, fault.KindOf(err))

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	require.Equal(t, fault.Timeout, fault.KindOf(p.client().Call(ctx, "GET", "/", nil, nil, nil)))
}

func TestRestartedPeer(t *testing.T) {
	p := newPeer(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	c := p.client()
	for range 20 {
		for _, method := range []string{"GET", "POST"} {
			require.NoError(t, c.Call(t.Context(), method, "/", key, map[string]int{}, nil))
			p.stop() // cuts the kept connection
			p.start()
		}
	}
}

func TestUnreachableNamesNoAddress(t *testing.T) {
	c := upstream.HTTP(socket("/nonexistent/up.sock"), "payments", upstream.WithLogger(slog.New(slog.DiscardHandler)))
	err := c.Call(t.Context(), "POST", "/", nil, nil, nil)
	require.Equal(t, fault.UpstreamFailed, fault.KindOf(err))
	require.Equal(t, "payments can't be reached", fault.Message(err))
	var op *net.OpError
	require.True(t, errors.As(err, &op), "the log has the cause")
}

func TestPassesTheTransactionOn(t *testing.T) {
	var got http.Header
	p := newPeer(t, func(_ http.ResponseWriter, r *http.Request) { got = r.Header })
	forged := http.Header{"txn-token": {"forged"}, "X-Request-Id": {"forged"}, "Traceparent": {"forged"}}
	c := p.client()

	require.NoError(t, c.Call(t.Context(), "GET", "/", forged, nil, nil))
	require.NotContains(t, got, authn.Header, "what the context doesn't hold isn't sent")
	require.NotContains(t, got, telemetry.RequestIDHeader)
	require.NotContains(t, got, telemetry.TraceparentHeader)

	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	ctx := authn.NewContext(telemetry.WithTraceparent(telemetry.WithRequestID(t.Context(), "req-1"), trace), &authn.Token{Raw: "verified"})
	require.NoError(t, c.Call(ctx, "GET", "/", forged, nil, nil))
	require.Equal(t, []string{"verified"}, got[authn.Header])
	require.Equal(t, []string{"req-1"}, got[telemetry.RequestIDHeader])
	require.Equal(t, []string{trace}, got[telemetry.TraceparentHeader])
}

func TestProblemsComeBackTyped(t *testing.T) {
	p := newPeer(t, func(w http.ResponseWriter, r *http.Request) {
		fault.WriteProblem(w, r, fault.New(fault.InsufficientCredits, "3 credits short"))
	})
	err := p.client().Call(t.Context(), "POST", "/", nil, nil, nil)
	require.Equal(t, fault.InsufficientCredits, fault.KindOf(err))
	require.Equal(t, "3 credits short", fault.Message(err))
}

func TestTransportStreams(t *testing.T) {
	p := newPeer(t, func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "blob", time.Time{}, strings.NewReader("0123456789"))
	})
	req, err := http.NewRequestWithContext(t.Context(), "GET", "http://elsewhere.example/v1/blobs/x", nil)
	require.NoError(t, err)
	req.Header.Set("Range", "bytes=2-4")
	resp, err := p.client().Transport().RoundTrip(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, "234", string(body))
	require.Equal(t, "elsewhere.example", req.URL.Host, "the caller's request is unchanged")
}
