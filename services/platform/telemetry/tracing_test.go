package telemetry_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/telemetry"
	"redoubt.example/services/platform/telemetrytest"
)

const clients = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func tracing(t *testing.T, cfg telemetry.ExportConfig) (*telemetry.Tracing, *telemetry.Metrics, func()) {
	t.Helper()
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Metrics == nil {
		cfg.Metrics = telemetry.NewMetrics(cfg.Workload)
	}
	tr, err := telemetry.NewTracing(cfg)
	require.NoError(t, err)
	var once sync.Once
	closeIt := func() {
		once.Do(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			require.NoError(t, tr.Close(ctx))
		})
	}
	t.Cleanup(closeIt)
	return tr, cfg.Metrics, closeIt
}

// TestTraceOverTwoProcesses: the gateway begins a trace, a service continues it, and a client's own is linked.
func TestTraceOverTwoProcesses(t *testing.T) {
	r := telemetrytest.New(t, nil)
	gateway, _, closeGateway := tracing(t, telemetry.ExportConfig{Endpoint: r.URL, Sample: 1, Workload: "gateway"})
	service, _, closeService := tracing(t, telemetry.ExportConfig{Endpoint: r.URL, Sample: 0, Workload: "payments"})

	ctx, span := gateway.Begin(t.Context(), clients)
	sent := telemetry.Traceparent(ctx)
	ours, theirs := span.TraceIDs()
	require.Equal(t, "0af7651916cd43dd8448eb211c80319c", theirs)
	require.NotEqual(t, theirs, ours, "not continued")
	require.Equal(t, "00-"+ours, sent[:35])
	require.True(t, strings.HasSuffix(sent, "-01"), "sampled")

	inner, innerSpan := service.Continue(telemetry.WithTraceparent(t.Context(), sent))
	require.Equal(t, sent[:35], telemetry.Traceparent(inner)[:35], "the same trace")
	require.NotEqual(t, sent, telemetry.Traceparent(inner), "another span")
	innerSpan.End("GET /v1/account", "gateway", "req-1", 200)
	span.Took("edge.scope", 1, 1500*time.Nanosecond)
	span.End("GET /v1/account", "outside", "req-1", 503)
	closeGateway()
	closeService()

	outer, in := r.Spans("gateway"), r.Spans("payments")
	require.Len(t, outer, 1)
	require.Len(t, in, 1)
	require.Equal(t, "GET /v1/account", outer[0].GetName())
	require.Empty(t, outer[0].GetParentSpanId(), "a trace of our own")
	require.Equal(t, ours, hex.EncodeToString(outer[0].GetTraceId()))
	require.Len(t, outer[0].GetLinks(), 1)
	require.Equal(t, theirs, hex.EncodeToString(outer[0].GetLinks()[0].GetTraceId()))
	require.Equal(t, "edge.scope", outer[0].GetEvents()[0].GetName())
	require.EqualValues(t, 2, outer[0].GetStatus().GetCode(), "error")
	require.Equal(t, outer[0].GetSpanId(), in[0].GetParentSpanId())
	require.Equal(t, outer[0].GetTraceId(), in[0].GetTraceId())
}

func TestClientsDontDecideWhatIsSampled(t *testing.T) {
	r := telemetrytest.New(t, nil)
	tr, _, closeIt := tracing(t, telemetry.ExportConfig{Endpoint: r.URL, Sample: 0, Workload: "gateway"})
	for range 100 {
		ctx, span := tr.Begin(t.Context(), clients)
		require.False(t, span.Recording())
		require.True(t, strings.HasSuffix(telemetry.Traceparent(ctx), "-00"))
		span.End("GET /v1/account", "outside", "req-1", 200)
	}
	closeIt()
	require.Empty(t, r.Spans("gateway"))
}

func TestSampleIsAShare(t *testing.T) {
	r := telemetrytest.New(t, nil)
	tr, _, _ := tracing(t, telemetry.ExportConfig{Endpoint: r.URL, Sample: 0.25, Workload: "gateway"})
	sampled := 0
	for range 4000 {
		_, span := tr.Begin(t.Context(), "")
		if span.Recording() {
			sampled++
		}
	}
	require.InDelta(t, 1000, sampled, 200) // seven standard deviations
}

func TestMalformedTraceparentIsNoLink(t *testing.T) {
	tr, _, _ := tracing(t, telemetry.ExportConfig{Workload: "gateway"})
	for _, bad := range []string{"", "x", "00-00000000000000000000000000000000-b7ad6b7169203331-01", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		"00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", clients + ", " + clients} {
		_, span := tr.Begin(t.Context(), bad)
		ours, theirs := span.TraceIDs()
		require.Len(t, ours, 32)
		require.Empty(t, theirs, bad)
	}
}

func TestNothingIsExportedUnlessAskedFor(t *testing.T) {
	tr, m, _ := tracing(t, telemetry.ExportConfig{Sample: 1, Workload: "gateway"})
	ctx, span := tr.Begin(t.Context(), "")
	require.False(t, span.Recording())
	require.Len(t, telemetry.Traceparent(ctx), 55, "upstreams get a trace context all the same")
	require.NotContains(t, scrape(m), "redoubt_trace_spans")

	ctx, span = (*telemetry.Tracing)(nil).Begin(t.Context(), clients)
	require.Empty(t, telemetry.Traceparent(ctx))
	span.Took("x", 1, time.Second)
	span.End("GET /", "outside", "", 200)
}

// TestSlowReceiverCostsSpansAndNoTime: more spans than the queue holds, while the receiver doesn't answer.
func TestSlowReceiverCostsSpansAndNoTime(t *testing.T) {
	release := make(chan struct{})
	r := telemetrytest.New(t, func(path string) int {
		if path == "/v1/traces" {
			<-release
		}
		return http.StatusOK
	})
	tr, m, closeIt := tracing(t, telemetry.ExportConfig{Endpoint: r.URL, Sample: 1, Workload: "gateway"})
	begin := time.Now()
	const all = 10_000
	for range all {
		_, span := tr.Begin(t.Context(), "")
		span.End("GET /v1/account", "outside", "req-1", 200)
	}
	require.Less(t, time.Since(begin), 4*time.Second, "less than one export may take: nobody waited for it")
	require.Positive(t, value(t, m, `redoubt_trace_spans_lost_total{reason="full",service="gateway"}`))
	close(release)
	closeIt()
	lost := value(t, m, `redoubt_trace_spans_lost_total{reason="full",service="gateway"}`) + value(t, m, `redoubt_trace_spans_lost_total{reason="failed",service="gateway"}`)
	require.InDelta(t, all, lost+value(t, m, `redoubt_trace_spans_sent_total{service="gateway"}`), 0, "each is sent or counted as lost")
}

func TestReceiverThatFailsIsCountedAndSaidOnce(t *testing.T) {
	var log lockedBuffer
	r := telemetrytest.New(t, func(string) int { return http.StatusInternalServerError })
	tr, m, closeIt := tracing(t, telemetry.ExportConfig{Endpoint: r.URL, Sample: 1, Workload: "gateway", Log: telemetry.NewLogger(&log, "gateway", "info")})
	for range 1000 {
		_, span := tr.Begin(t.Context(), "")
		span.End("GET /v1/account", "outside", "req-1", 200)
	}
	closeIt()
	require.InDelta(t, 1000, value(t, m, `redoubt_trace_spans_lost_total{reason="failed",service="gateway"}`), 0)
	require.Equal(t, 1, strings.Count(log.String(), "traces are lost"))
	require.Equal(t, 1, strings.Count(log.String(), "metrics aren't exported"))
}

func TestMetricsGoOutToo(t *testing.T) {
	r := telemetrytest.New(t, nil)
	_, m, closeIt := tracing(t, telemetry.ExportConfig{Endpoint: r.URL, Workload: "gateway"})
	m.ObserveRequest("outside", "GET /v1/account", 200, 3*time.Millisecond)
	m.Control("edge.scope").Observe(2e-6)
	closeIt() // the last round
	found := map[string]bool{}
	for _, metric := range r.Metrics("gateway") {
		if h := metric.GetHistogram(); h != nil {
			found[metric.GetName()] = h.GetDataPoints()[0].GetCount() == 1
		}
	}
	require.True(t, found["redoubt_server_request_duration_seconds"], "%v", found)
	require.True(t, found["redoubt_control_duration_seconds"], "%v", found)
}

func TestCheckEndpoint(t *testing.T) {
	for _, bad := range []string{"", "127.0.0.1:4318", "grpc://127.0.0.1:4317", "http://", "http://a/v1/traces", "http://u:p@a:1", "http://a?x"} {
		require.Error(t, telemetry.CheckEndpoint(bad), bad)
	}
	require.NoError(t, telemetry.CheckEndpoint("http://127.0.0.1:4318"))
	require.NoError(t, telemetry.CheckEndpoint("https://collector.example.com"))
}

func scrape(m *telemetry.Metrics) string {
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func value(t *testing.T, m *telemetry.Metrics, series string) float64 {
	t.Helper()
	for line := range strings.Lines(scrape(m)) {
		if rest, ok := strings.CutPrefix(line, series+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			require.NoError(t, err)
			return v
		}
	}
	require.Failf(t, "no such series", "%s in:\n%s", series, scrape(m))
	return 0
}

func BenchmarkBegin(b *testing.B) {
	tr, err := telemetry.NewTracing(telemetry.ExportConfig{Workload: "gateway"})
	require.NoError(b, err)
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		ctx, span := tr.Begin(ctx, "")
		_ = telemetry.Traceparent(ctx)
		span.End("GET /v1/account", "outside", "req-1", 200)
	}
}
