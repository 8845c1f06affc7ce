package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	bridge "go.opentelemetry.io/contrib/bridges/prometheus"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
)

// pushEvery is how often the metrics go out; a variable, for tests.
var pushEvery = 15 * time.Second

// pushMetrics sends what /metrics shows by OTLP, too: measured once, read by either. It returns what ends it.
func pushMetrics(cfg ExportConfig, about *resource.Resource, client *http.Client) (func(context.Context) error, error) {
	exporter, err := otlpmetrichttp.New(context.Background(), otlpmetrichttp.WithEndpointURL(cfg.Endpoint+"/v1/metrics"),
		otlpmetrichttp.WithHTTPClient(client), otlpmetrichttp.WithRetry(otlpmetrichttp.RetryConfig{}))
	if err != nil {
		return nil, fmt.Errorf("export metrics: %w", err)
	}
	counted := &countedExporter{Exporter: exporter, log: cfg.Log, failed: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "redoubt_metrics_push_failures_total", Help: "Rounds of metrics that the OTLP receiver didn't take."})}
	cfg.Metrics.MustRegister(counted.failed)
	reader := sdkmetric.NewPeriodicReader(counted, sdkmetric.WithInterval(pushEvery), sdkmetric.WithTimeout(exportTimeout),
		sdkmetric.WithProducer(bridge.NewMetricProducer(bridge.WithGatherer(cfg.Metrics.registry))))
	return sdkmetric.NewMeterProvider(sdkmetric.WithResource(about), sdkmetric.WithReader(reader)).Shutdown, nil
}

// countedExporter keeps failures from the SDK, which would write them to standard error as it likes.
type countedExporter struct {
	sdkmetric.Exporter
	log     *slog.Logger
	failed  prometheus.Counter
	failing atomic.Bool
}

// Export implements sdkmetric.Exporter.
func (e *countedExporter) Export(ctx context.Context, m *metricdata.ResourceMetrics) error {
	err := e.Exporter.Export(ctx, m)
	if err != nil {
		e.failed.Inc()
	}
	if e.failing.Swap(err != nil) != (err != nil) && err != nil {
		e.log.Warn("metrics aren't exported: the receiver fails", "error", err.Error())
	}
	return nil
}
