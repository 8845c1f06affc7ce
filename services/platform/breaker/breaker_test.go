package breaker_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"redoubt.example/services/platform/breaker"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/telemetry"
)

// answers is a RoundTripper that answers with a status, or an error.
type answers struct {
	status int
	err    error
	panics bool
	asked  int
}

func (a *answers) RoundTrip(*http.Request) (*http.Response, error) {
	a.asked++
	if a.panics {
		panic("bug")
	}
	if a.err != nil {
		return nil, a.err
	}
	return &http.Response{StatusCode: a.status, Body: http.NoBody}, nil
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func send(t *testing.T, ctx context.Context, transport http.RoundTripper) error {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, "GET", "http://payments/", nil)
	require.NoError(t, err)
	_, err = transport.RoundTrip(r)
	return err
}

func TestWhatOpensIt(t *testing.T) {
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx   context.Context
		next  answers
		opens bool
	}{
		"connection refused":  {t.Context(), answers{err: errors.New("refused")}, true},
		"time-out":            {t.Context(), answers{err: context.DeadlineExceeded}, true},
		"500":                 {t.Context(), answers{status: 500}, true},
		"503":                 {t.Context(), answers{status: 503}, true},
		"404":                 {t.Context(), answers{status: 404}, false},
		"429":                 {t.Context(), answers{status: 429}, false},
		"200":                 {t.Context(), answers{status: 200}, false},
		"the caller went off": {gone, answers{err: context.Canceled}, false},
	} {
		t.Run(name, func(t *testing.T) {
			transport := breaker.New("payments", quiet(), nil).Transport(&c.next)
			var err error
			for range 30 {
				err = send(t, c.ctx, transport)
			}
			require.Equal(t, c.opens, fault.KindOf(err) == fault.BreakerOpen, "%v", err)
			require.Equal(t, c.opens, c.next.asked < 30)
		})
	}
}

func TestHalfOfMany(t *testing.T) {
	next := &answers{}
	transport := breaker.New("payments", quiet(), nil).Transport(next)
	opened := false
	for i := range 60 {
		next.status = 200 + 300*(i%2) // never five in a row
		opened = opened || fault.KindOf(send(t, t.Context(), transport)) == fault.BreakerOpen
	}
	require.True(t, opened)
}

func TestAPanicIsCounted(t *testing.T) {
	next := &answers{panics: true}
	transport := breaker.New("payments", quiet(), nil).Transport(next)
	for range 5 {
		require.Panics(t, func() { _ = send(t, t.Context(), transport) })
	}
	require.Equal(t, fault.BreakerOpen, fault.KindOf(send(t, t.Context(), transport)))
}

func TestStateIsSeen(t *testing.T) {
	var log bytes.Buffer
	metrics := telemetry.NewMetrics("ingestion")
	next := &answers{status: 500}
	transport := breaker.New("payments", telemetry.NewLogger(&log, "ingestion", "info"), metrics).Transport(next)
	for range 7 {
		_ = send(t, t.Context(), transport)
	}
	scrape := func() string {
		w := httptest.NewRecorder()
		metrics.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		return w.Body.String()
	}
	require.Contains(t, scrape(), `redoubt_breaker_state{service="ingestion",upstream="payments"} 2`)
	require.Contains(t, scrape(), `redoubt_breaker_rejected_total{service="ingestion",upstream="payments"} 2`)
	require.Contains(t, log.String(), `"from":"closed","to":"open"`)

	next.status = 200
	require.Eventually(t, func() bool { return send(t, t.Context(), transport) == nil }, 5*time.Second, 10*time.Millisecond)
	for range 2 {
		require.NoError(t, send(t, t.Context(), transport))
	}
	require.Contains(t, scrape(), `redoubt_breaker_state{service="ingestion",upstream="payments"} 0`)
}

func TestUnary(t *testing.T) {
	for code, opens := range map[codes.Code]bool{
		codes.Unavailable: true, codes.Internal: true, codes.Unknown: true, codes.DeadlineExceeded: true,
		codes.PermissionDenied: false, codes.NotFound: false, codes.FailedPrecondition: false, codes.ResourceExhausted: false, codes.OK: false,
	} {
		b := breaker.New("inference", quiet(), nil)
		invoke := func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error {
			return status.Error(code, "x")
		}
		var err error
		for range 30 {
			err = b.Unary(t.Context(), "/a.B/C", nil, nil, nil, invoke)
		}
		require.Equal(t, opens, fault.KindOf(err) == fault.BreakerOpen, code.String())
	}
}

// events is a stream that ends as it is told.
type events struct {
	grpc.ClientStream
	err error
}

func (e events) RecvMsg(any) error { return e.err }

func TestStream(t *testing.T) {
	for name, c := range map[string]struct {
		open, recv error
		opens      bool
	}{
		"can't be opened":    {status.Error(codes.Unavailable, "x"), nil, true},
		"breaks":             {nil, status.Error(codes.Unavailable, "x"), true},
		"is refused":         {nil, status.Error(codes.PermissionDenied, "x"), false},
		"has something":      {nil, nil, false},
		"is never read from": {nil, errors.New("not asked"), false},
	} {
		t.Run(name, func(t *testing.T) {
			b := breaker.New("inference", quiet(), nil)
			open := func(context.Context, *grpc.StreamDesc, *grpc.ClientConn, string, ...grpc.CallOption) (grpc.ClientStream, error) {
				return events{err: c.recv}, c.open
			}
			var err error
			for range 30 {
				ctx, cancel := context.WithCancel(t.Context())
				var s grpc.ClientStream
				if s, err = b.Stream(ctx, &grpc.StreamDesc{}, nil, "/a.B/C", open); err == nil && name != "is never read from" {
					_ = s.RecvMsg(nil)
					_ = s.RecvMsg(nil) // counts once
				}
				cancel()
			}
			require.Equal(t, c.opens, fault.KindOf(err) == fault.BreakerOpen, "%v", err)
		})
	}
}
