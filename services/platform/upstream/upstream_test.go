package upstream_test

import (
	"context"
	"encoding/json"
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

func TestNotRepeated(t *testing.T) {
	for name, c := range map[string]struct {
		method  string
		header  http.Header
		status  int
		advice  string
		timeout time.Duration
		want    fault.Kind
	}{
		"POST without a key":     {method: "POST", status: 503, want: fault.Unavailable},
		"an answer":              {method: "GET", status: 404, want: fault.NotFound},
		"a bug":                  {method: "GET", status: 500, want: fault.UpstreamFailed},
		"told when to come back": {method: "GET", status: 503, advice: "1", want: fault.Unavailable},
		"too little time left":   {method: "POST", header: key, status: 503, timeout: time.Nanosecond, want: fault.Timeout},
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			p := newPeer(t, func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				if c.advice != "" {
					w.Header().Set("Retry-After", c.advice)
				}
				w.WriteHeader(c.status)
			})
			ctx := t.Context()
			if c.timeout > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, c.timeout)
				defer cancel()
			}
			err := p.client().Call(ctx, c.method, "/v1/transfers", c.header, map[string]int{"amount": 1}, nil)
			require.Equal(t, c.want, fault.KindOf(err), "%v", err)
			require.LessOrEqual(t, calls.Load(), int32(1))
		})
	}
}

func TestRepeatedWhenSafe(t *testing.T) {
	for name, c := range map[string]struct {
		method string
		header http.Header
		in     any
	}{
		"GET":             {"GET", nil, nil},
		"POST with a key": {"POST", key, map[string]int{"amount": 7}},
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			p := newPeer(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if calls.Add(1) < 3 {
					w.WriteHeader(http.StatusServiceUnavailable)
					return
				}
				_ = json.NewEncoder(w).Encode(map[string]string{"echo": string(body)})
			})
			var out struct{ Echo string }
			require.NoError(t, p.client().Call(t.Context(), c.method, "/", c.header, c.in, &out))
			require.EqualValues(t, 3, calls.Load())
			if c.in != nil {
				require.JSONEq(t, `{"amount":7}`, out.Echo, "the body is sent again, whole")
			}
		})
	}
}

func TestRetryBudget(t *testing.T) {
	var calls atomic.Int32
	p := newPeer(t, func(w http.ResponseWriter, _ *http.Request) {
		// One in three, so that the breaker stays closed.
		if calls.Add(1)%3 == 0 {
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	metrics := telemetry.NewMetrics("ingestion")
	c := p.client(upstream.WithMetrics(metrics))
	const requests = 100
	for range requests {
		_ = c.Call(t.Context(), "GET", "/", nil, nil, nil)
	}
	retries := int(calls.Load()) - requests
	require.LessOrEqual(t, retries, requests/5+10, "20 %% of the requests, and the bucket's first fill")
	require.Positive(t, retries)
}

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

func TestWhatFailsBehindTheUpstream(t *testing.T) {
	var calls atomic.Int32
	p := newPeer(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		fault.WriteProblem(w, r, fault.New(fault.UpstreamFailed, "the ledger can't be reached"))
	})
	c := p.client()
	for range 20 {
		err := c.Call(t.Context(), "GET", "/", nil, nil, nil)
		require.Equal(t, fault.UpstreamFailed, fault.KindOf(err))
		require.Equal(t, "the ledger can't be reached", fault.Message(err))
	}
	require.EqualValues(t, 20, calls.Load(), "neither repeated nor a reason to keep away")
}
