package fault_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/telemetry"
)

var errSecret = errors.New("dial postgres://payments:hunter2@10.0.0.7")

// wire sends err over HTTP and returns what the other side makes of it, and the body that crossed.
func wire(t *testing.T, err error) (error, *http.Response, string) {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	fault.WriteProblem(w, r.WithContext(telemetry.WithRequestID(r.Context(), "req-1")), err)
	body := w.Body.String()
	return fault.FromResponse(w.Result()), w.Result(), body
}

func TestCausesNeverLeave(t *testing.T) {
	for name, err := range map[string]error{
		"plain":           errSecret,
		"wrapped":         fault.Wrap(fault.Unavailable, errSecret, "the ledger is busy"),
		"wrapped by fmt":  fmt.Errorf("capture: %w", fault.Wrap(fault.Conflict, errSecret, "already voided")),
		"with advice":     fault.RetryAfter(errSecret, time.Second),
		"status":          status.Error(codes.Internal, errSecret.Error()),
		"status wrapped":  fmt.Errorf("call: %w", status.Error(codes.Unavailable, errSecret.Error())),
		"fault in status": fault.Wrap(fault.UpstreamFailed, status.Error(codes.Unavailable, errSecret.Error()), "payments can't be reached"),
	} {
		t.Run(name, func(t *testing.T) {
			_, _, body := wire(t, err)
			require.NotContains(t, body, "hunter2")
			require.NotContains(t, fault.ToStatus(err).Error(), "hunter2")
			require.NotContains(t, fault.Message(err), "hunter2")
		})
	}
	require.ErrorIs(t, fault.Wrap(fault.Unavailable, errSecret, "busy"), errSecret, "the log needs the cause")
	require.Contains(t, fault.Wrap(fault.Unavailable, errSecret, "busy").Error(), "hunter2")
	require.EqualError(t, fault.RetryAfter(fault.Wrap(fault.Unavailable, errors.New("full"), "busy"), time.Second), "busy: full")
}

func TestKindOf(t *testing.T) {
	for _, c := range []struct {
		err  error
		want fault.Kind
	}{
		{errSecret, fault.Internal},
		{fault.New(fault.Kind(200), "out of range"), fault.Kind(200)},
		{fault.New(fault.Denied, "no"), fault.Denied},
		{fmt.Errorf("decide: %w", fault.New(fault.Denied, "no")), fault.Denied},
		{fault.Wrap(fault.Unavailable, fault.New(fault.Denied, "no"), "outer"), fault.Unavailable},
		{fmt.Errorf("query: %w", context.DeadlineExceeded), fault.Timeout},
		{fmt.Errorf("query: %w", context.Canceled), fault.Canceled},
	} {
		require.Equal(t, c.want, fault.KindOf(c.err), "%v", c.err)
	}
	require.Equal(t, http.StatusInternalServerError, fault.Kind(200).HTTPStatus())
}

func TestKindsSurviveTheWire(t *testing.T) {
	for _, c := range []struct {
		kind   fault.Kind
		status int
	}{
		{fault.Invalid, 400}, {fault.Unauthenticated, 401}, {fault.Denied, 403}, {fault.NotFound, 404}, {fault.Conflict, 409},
		{fault.Gone, 410}, {fault.TooLarge, 413}, {fault.UnsupportedMedia, 415}, {fault.Unprocessable, 422}, {fault.InsufficientCredits, 402}, {fault.AccountBlocked, 403}, {fault.RateLimited, 429},
		{fault.UpstreamFailed, 502}, {fault.BreakerOpen, 503}, {fault.Unavailable, 503}, {fault.Timeout, 504}, {fault.Canceled, 499},
	} {
		t.Run(c.kind.String(), func(t *testing.T) {
			sent := fault.RetryAfter(fault.New(c.kind, "short of %d credits", 3), 1500*time.Millisecond)

			got, resp, _ := wire(t, sent)
			require.Equal(t, c.status, resp.StatusCode)
			require.Equal(t, c.kind, fault.KindOf(got))
			require.Equal(t, "short of 3 credits", fault.Message(got))
			require.Equal(t, 2*time.Second, fault.RetryDelay(got), "Retry-After has whole seconds: rounded up")

			got = fault.FromStatus(fault.ToStatus(sent))
			require.Equal(t, c.kind, fault.KindOf(got))
			require.Equal(t, "short of 3 credits", fault.Message(got))
			require.Equal(t, 1500*time.Millisecond, fault.RetryDelay(got))
		})
	}
}

func TestUpstreamsInternalIsNotOurs(t *testing.T) {
	got, _, _ := wire(t, fault.New(fault.Internal, "bug"))
	require.Equal(t, fault.UpstreamFailed, fault.KindOf(got))
	require.Equal(t, fault.UpstreamFailed, fault.KindOf(fault.FromStatus(fault.ToStatus(errSecret))))
}

func TestFromResponseWithoutOurProblem(t *testing.T) {
	for _, c := range []struct {
		status      int
		contentType string
		body        string
		want        fault.Kind
	}{
		{500, "text/plain", "panic", fault.UpstreamFailed},
		{502, "text/html", "<h1>Bad gateway</h1>", fault.UpstreamFailed},
		{503, "", "", fault.Unavailable},
		{418, "", "", fault.Invalid},
		{404, fault.ContentType, `{"type":"https://example.org/other","detail":"gone"}`, fault.NotFound},
		{403, fault.ContentType, `{not json`, fault.Denied},
		{403, fault.ContentType, `{"detail":"` + strings.Repeat("x", 1<<20) + `"}`, fault.Denied},
	} {
		w := httptest.NewRecorder()
		w.Header().Set("Content-Type", c.contentType)
		w.WriteHeader(c.status)
		_, _ = w.WriteString(c.body)
		require.Equal(t, c.want, fault.KindOf(fault.FromResponse(w.Result())), "%d", c.status)
	}
	require.NoError(t, fault.FromResponse(&http.Response{StatusCode: 204}))
}

func TestFromStatusWithoutOurDetails(t *testing.T) {
	for code, want := range map[codes.Code]fault.Kind{
		codes.Unknown: fault.UpstreamFailed, codes.Internal: fault.UpstreamFailed, codes.Unavailable: fault.Unavailable,
		codes.PermissionDenied: fault.Denied, codes.AlreadyExists: fault.Conflict, codes.ResourceExhausted: fault.RateLimited,
	} {
		got := fault.FromStatus(status.Error(code, "dial unix /run/secret.sock"))
		require.Equal(t, want, fault.KindOf(got), code.String())
		require.NotContains(t, fault.Message(got), "secret.sock")
	}
	gaveUp := fault.Wrap(fault.UpstreamFailed, status.Error(codes.Canceled, "x"), "inference gave up")
	require.Equal(t, fault.UpstreamFailed, fault.KindOf(fault.FromStatus(gaveUp)), "typed already")
	require.Equal(t, "inference gave up", fault.Message(fault.FromStatus(gaveUp)))
	require.NoError(t, fault.FromStatus(nil))
	require.NoError(t, fault.ToStatus(nil))
	require.Equal(t, errSecret, fault.FromStatus(errSecret))
}

func TestProblemDocument(t *testing.T) {
	_, resp, body := wire(t, fault.New(fault.NotFound, "no such document"))
	require.JSONEq(t, `{"type":"tag:redoubt.example,2026:problem/not-found","title":"not found","status":404,
		"detail":"no such document","instance":"req-1"}`, body)
	require.Equal(t, fault.ContentType, resp.Header.Get("Content-Type"))
	require.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
}

func TestBehind(t *testing.T) {
	for kind, want := range map[fault.Kind]bool{
		fault.UpstreamFailed: true, fault.BreakerOpen: true,
		fault.Internal: false, fault.Unavailable: false, fault.Timeout: false, fault.Denied: false,
	} {
		_, resp, _ := wire(t, fault.New(kind, "x"))
		require.Equal(t, want, fault.Behind(resp), kind.String())
		require.Equal(t, want, fault.BehindStatus(fault.ToStatus(fault.New(kind, "x"))), kind.String())
	}
	require.False(t, fault.BehindStatus(nil))
	require.False(t, fault.BehindStatus(errSecret))
	require.False(t, fault.BehindStatus(status.Error(codes.Unavailable, "connection refused")))
}
