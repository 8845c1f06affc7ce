package httpserver_test

import (
	"context"
	"encoding/hex"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/telemetry"
	"redoubt.example/services/platform/telemetrytest"
)

// TestServiceJoinsItsCallersTrace: the same trace, a span of its own below the caller's, and with it the time of each control.
func TestServiceJoinsItsCallersTrace(t *testing.T) {
	receiver := telemetrytest.New(t, nil)
	tracing, err := telemetry.NewTracing(telemetry.ExportConfig{Endpoint: receiver.URL, Workload: "payments",
		Log: slog.New(slog.DiscardHandler), Metrics: telemetry.NewMetrics("payments")})
	require.NoError(t, err)
	h := harness(t)
	h.Config.Tracing = tracing
	var onwards string
	serve(t, h, map[string]echo.HandlerFunc{"GET /v1/keys": func(c echo.Context) error {
		onwards = telemetry.Traceparent(c.Request().Context())
		return c.NoContent(http.StatusNoContent)
	}})
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	send(t, h.HTTP("gateway"), "GET", "/v1/keys", "", "", "traceparent", parent)
	require.Equal(t, parent[:35], onwards[:35])
	require.NotEqual(t, parent, onwards)

	require.Eventually(t, func() bool { return len(h.Logged(`"msg":"request"`)) > 0 }, 10*time.Second, time.Millisecond, "the line comes after the span's end")
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	require.NoError(t, tracing.Close(ctx))
	spans := receiver.Spans("payments")
	require.Len(t, spans, 1)
	require.Equal(t, "b7ad6b7169203331", hex.EncodeToString(spans[0].GetParentSpanId()))
	require.Equal(t, onwards[36:52], hex.EncodeToString(spans[0].GetSpanId()))
	require.NotEmpty(t, spans[0].GetEvents(), "where its time went")
}
