package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/telemetry"
)

func TestRequestIDsThatMayNotEnterTheLog(t *testing.T) {
	for _, id := range []string{"", "-x", "a b", "a\nb", `a"b`, strings.Repeat("a", 65), "ä"} {
		require.False(t, telemetry.ValidRequestID(id), "%q", id)
	}
	require.True(t, telemetry.ValidRequestID(telemetry.NewRequestID()))
	require.True(t, telemetry.ValidRequestID("k6-42.1"))
}

func TestTraceparent(t *testing.T) {
	for _, bad := range []string{"", "00-xyz", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-extra", strings.Repeat("0", 55)} {
		require.Empty(t, telemetry.Traceparent(telemetry.WithTraceparent(context.Background(), bad)), "%q", bad)
	}
	const good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	require.Equal(t, good, telemetry.Traceparent(telemetry.WithTraceparent(context.Background(), good)))
}

func TestLogLine(t *testing.T) {
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, "payments", "nonsense")
	ctx := telemetry.WithRequestID(telemetry.WithLogger(context.Background(), log), "req-1")
	telemetry.Log(ctx).Debug("not at info")
	telemetry.Log(ctx).Info("hello")
	var line map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &line))
	require.NotEmpty(t, line["time"])
	delete(line, "time")
	require.Equal(t, map[string]any{"level": "INFO", "msg": "hello", "service": "payments", "request_id": "req-1"}, line)
}

func TestMetrics(t *testing.T) {
	m := telemetry.NewMetrics("payments")
	m.ObserveRequest("gateway", "GET /v1/account", 200, 3*time.Millisecond)
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	text := w.Body.String()
	require.Contains(t, text, `redoubt_server_request_duration_seconds_count{caller="gateway",code="200",route="GET /v1/account",service="payments"} 1`)
	require.Contains(t, text, `le="5e-05"`)
	require.Contains(t, text, "process_resident_memory_bytes")

	var last string
	for line := range strings.Lines(text) {
		if strings.Contains(line, "_bucket{") && !strings.Contains(line, "+Inf") {
			last = line
		}
	}
	_, le, _ := strings.Cut(last, `le="`)
	le, _, _ = strings.Cut(le, `"`)
	require.Regexp(t, `^2[0-9]\.`, le, "the largest bucket ends just above 20 s")
}
