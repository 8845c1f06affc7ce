package upstream_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/telemetry"
	"redoubt.example/services/platform/upstream"
)

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
