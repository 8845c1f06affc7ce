package e2e_test

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"redoubt.example/services/platform/telemetrytest"
)

// TestTrace: one document is one trace over every service that it crosses, found by the response's request ID; the client's own
// trace is linked. And each service's metrics arrive.
func TestTrace(t *testing.T) {
	t.Parallel()
	receiver := telemetrytest.New(t, nil)
	l := environment{"REDOUBT_OTLP_ENDPOINT=" + receiver.URL, "REDOUBT_TRACE_SAMPLE=1"}.up(t)
	got := l.must(t, "POST", "/v1/documents", l.token(t, "alice"), sample, "Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	require.Equal(t, http.StatusCreated, got.status, string(got.body))
	id := got.header.Get("X-Request-Id")

	services := []string{"gateway", "ingestion", "inference", "payments", "notification"}
	spans := map[string][]*tracepb.Span{}
	require.Eventually(t, func() bool {
		for _, name := range services {
			if spans[name] = of(receiver.Spans(name), id); len(spans[name]) == 0 {
				return false
			}
		}
		return true
	}, 30*time.Second, 100*time.Millisecond)
	root := spans["gateway"][0]
	require.Len(t, spans["gateway"], 1)
	require.Empty(t, root.GetParentSpanId())
	require.Len(t, root.GetLinks(), 1)
	known := map[string]bool{}
	for _, name := range services {
		for _, s := range spans[name] {
			require.True(t, bytes.Equal(root.GetTraceId(), s.GetTraceId()), "%s: the same trace", name)
			known[string(s.GetSpanId())] = true
		}
	}
	for _, name := range services[1:] {
		for _, s := range spans[name] {
			require.True(t, known[string(s.GetParentSpanId())], "%s %s hangs below another of its spans", name, s.GetName())
		}
	}
	for _, name := range services {
		require.Eventually(t, func() bool { return len(receiver.Metrics(name)) > 0 }, 40*time.Second, 200*time.Millisecond, name)
	}
}

// of are the spans of one request.
func of(all []*tracepb.Span, id string) (its []*tracepb.Span) {
	for _, s := range all {
		for _, a := range s.GetAttributes() {
			if a.GetKey() == "redoubt.request_id" && a.GetValue().GetStringValue() == id {
				its = append(its, s)
			}
		}
	}
	return its
}
