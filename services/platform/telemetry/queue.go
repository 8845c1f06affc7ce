package telemetry

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

const (
	queueLength = 2048 // spans: some MiB, and seconds of a busy process
	batchLength = 256
	batchAfter  = time.Second
)

// queue is a span processor that never waits: a span that finds it full is lost, and counted. The SDK's own doesn't say how
// many it dropped.
type queue struct {
	spans    chan sdktrace.ReadOnlySpan
	exporter sdktrace.SpanExporter
	log      *slog.Logger
	lost     *prometheus.CounterVec
	sent     prometheus.Counter
	failing  bool

	end   sync.Once
	stop  chan struct{}
	ended chan struct{}
}

func newQueue(exporter sdktrace.SpanExporter, log *slog.Logger, metrics *Metrics) *queue {
	q := &queue{
		spans: make(chan sdktrace.ReadOnlySpan, queueLength), exporter: exporter, log: log,
		lost: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "redoubt_trace_spans_lost_total",
			Help: "Spans that were not exported: the queue was full, or the receiver failed."}, []string{"reason"}),
		sent: prometheus.NewCounter(prometheus.CounterOpts{Name: "redoubt_trace_spans_sent_total", Help: "Spans that the receiver took."}),
		stop: make(chan struct{}), ended: make(chan struct{}),
	}
	for _, reason := range []string{"full", "failed"} {
		q.lost.WithLabelValues(reason)
	}
	metrics.MustRegister(q.lost, q.sent)
	go q.run()
	return q
}

// OnStart implements sdktrace.SpanProcessor.
func (q *queue) OnStart(context.Context, sdktrace.ReadWriteSpan) {}

// OnEnd implements sdktrace.SpanProcessor.
func (q *queue) OnEnd(s sdktrace.ReadOnlySpan) {
	if !s.SpanContext().IsSampled() {
		return
	}
	select {
	case q.spans <- s:
	default:
		q.lost.WithLabelValues("full").Inc()
	}
}

func (q *queue) run() {
	defer close(q.ended)
	tick := time.NewTicker(batchAfter)
	defer tick.Stop()
	batch := make([]sdktrace.ReadOnlySpan, 0, batchLength)
	for {
		select {
		case s := <-q.spans:
			if batch = append(batch, s); len(batch) < batchLength {
				continue
			}
		case <-tick.C:
		case <-q.stop:
			for len(q.spans) > 0 {
				batch = append(batch, <-q.spans)
			}
			q.export(batch)
			return
		}
		q.export(batch)
		batch = batch[:0]
	}
}

func (q *queue) export(batch []sdktrace.ReadOnlySpan) {
	if len(batch) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), exportTimeout)
	defer cancel()
	err := q.exporter.ExportSpans(ctx, batch)
	switch {
	case err != nil:
		q.lost.WithLabelValues("failed").Add(float64(len(batch)))
		if !q.failing { // once, not for each batch
			q.log.Warn("traces are lost: the receiver fails", "error", err.Error())
		}
	default:
		q.sent.Add(float64(len(batch)))
	}
	q.failing = err != nil
}

// ForceFlush implements sdktrace.SpanProcessor; Shutdown is what sends the rest.
func (q *queue) ForceFlush(context.Context) error { return nil }

// Shutdown implements sdktrace.SpanProcessor: it sends what is queued. It may be called twice.
func (q *queue) Shutdown(ctx context.Context) error {
	q.end.Do(func() { close(q.stop) })
	select {
	case <-q.ended:
		return q.exporter.Shutdown(ctx)
	case <-ctx.Done():
		return ctx.Err()
	}
}
