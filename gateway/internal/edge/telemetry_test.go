package edge_test

import (
	"context"
	"encoding/hex"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/gateway/internal/edge"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/telemetry"
	"redoubt.example/services/platform/telemetrytest"
)

const (
	clientsTraceID = "0af7651916cd43dd8448eb211c80319c"
	clientsTrace   = "00-" + clientsTraceID + "-b7ad6b7169203331-01"
)

// TestClientsTraceIsLinkedAndNotContinued: what services inside are told is ours; the way from the client's trace to it is a link.
func TestClientsTraceIsLinkedAndNotContinued(t *testing.T) {
	receiver := telemetrytest.New(t, nil)
	tracing, err := telemetry.NewTracing(telemetry.ExportConfig{Endpoint: receiver.URL, Sample: 1, Workload: "gateway",
		Log: slog.New(slog.DiscardHandler), Metrics: telemetry.NewMetrics("gateway")})
	require.NoError(t, err)
	inside := make(chan http.Header, 1)
	g := newGateway(t, func(w http.ResponseWriter, r *http.Request) { inside <- r.Header; w.WriteHeader(http.StatusNoContent) },
		func(c *edge.Config) { c.Tracing = tracing })
	r := g.do("GET", "/v1/documents", g.Issuer.Token("alice", "documents:read"), "", "Traceparent", clientsTrace, "Tracestate", "vendor=1", "Baggage", "user=alice")
	require.Equal(t, http.StatusNoContent, r.StatusCode)
	in := <-inside
	require.Regexp(t, "^00-[0-9a-f]{32}-[0-9a-f]{16}-01$", in.Get("Traceparent"))
	require.NotContains(t, in.Get("Traceparent"), clientsTraceID)
	require.Empty(t, in.Get("Tracestate"))
	require.Empty(t, in.Get("Baggage"))

	line := g.accessLine(r) // it comes after the span's end
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	require.NoError(t, tracing.Close(ctx))
	spans := receiver.Spans("gateway")
	require.Len(t, spans, 1)
	span := spans[0]
	require.Equal(t, "GET /v1/documents", span.GetName())
	require.Empty(t, span.GetParentSpanId())
	require.Equal(t, in.Get("Traceparent")[3:35], hex.EncodeToString(span.GetTraceId()))
	require.Equal(t, in.Get("Traceparent")[36:52], hex.EncodeToString(span.GetSpanId()), "the services' spans hang below it")
	require.Equal(t, clientsTraceID, hex.EncodeToString(span.GetLinks()[0].GetTraceId()))
	var took []string
	for _, e := range span.GetEvents() {
		took = append(took, e.GetName())
	}
	require.Subset(t, took, []string{controls.EdgeScope, controls.EdgeSchema, "upstream ingestion"}, "where its time went")
	require.NotContains(t, span.String(), "alice")

	require.Equal(t, hex.EncodeToString(span.GetTraceId()), line["trace_id"])
	require.Equal(t, clientsTraceID, line["client_trace_id"])
}

// accessLine is the request's line of the access log.
func (g *gateway) accessLine(r reply) map[string]any {
	g.t.Helper()
	var line map[string]any
	require.Eventually(g.t, func() bool { // it is written after the response
		for _, record := range g.log.records(g.t) {
			if record["msg"] == "request" && record["request_id"] == r.Header.Get(telemetry.RequestIDHeader) {
				line = record
			}
		}
		return line != nil
	}, 10*time.Second, time.Millisecond)
	return line
}

// TestTimeOfEachControl is on /metrics, for the register's controls and no other name.
func TestTimeOfEachControl(t *testing.T) {
	g := newGateway(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	g.accessLine(g.do("POST", "/v1/documents", g.Issuer.Token("alice", "documents:write"), draft))
	g.accessLine(g.do("GET", "/v1/nothing/"+exampleID, "", ""))
	w := httptest.NewRecorder()
	g.Metrics.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	seen := map[string]string{}
	for _, m := range regexp.MustCompile(`redoubt_control_duration_seconds_count\{control="([^"]*)",service="gateway"\} (\d+)`).FindAllStringSubmatch(w.Body.String(), -1) {
		_, registered := controls.Lookup(m[1])
		require.True(t, registered, m[1])
		seen[m[1]] = m[2]
	}
	require.Equal(t, "2", seen[controls.EdgeRoutes], "both requests")
	for _, id := range []string{controls.EdgeScope, controls.EdgeHeaders, controls.EdgeBodyLimit, controls.EdgeSchema} {
		require.Equal(t, "1", seen[id], "%s: the one that got so far", id)
	}
	require.Equal(t, http.StatusNotFound, g.do("GET", "/metrics", "", "").StatusCode, "on the admin socket alone")
}

// TestOneRequestID: of our own making, the same on the response, in the problem, inside and in the log.
func TestOneRequestID(t *testing.T) {
	inside := make(chan []string, 1)
	g := newGateway(t, func(w http.ResponseWriter, r *http.Request) {
		inside <- r.Header.Values(telemetry.RequestIDHeader)
		w.Header().Set(telemetry.RequestIDHeader, "the-services-own")
		w.WriteHeader(http.StatusNoContent)
	})
	r := g.do("GET", "/v1/documents", g.Issuer.Token("alice", "documents:read"), "", "X-Request-Id", "chosen-by-me")
	require.Len(t, r.Header.Values(telemetry.RequestIDHeader), 1)
	require.Equal(t, r.Header.Values(telemetry.RequestIDHeader), <-inside)
	require.NotContains(t, []string{"chosen-by-me", "the-services-own"}, r.Header.Get(telemetry.RequestIDHeader))
	require.EqualValues(t, http.StatusNoContent, g.accessLine(r)["status"])
}
