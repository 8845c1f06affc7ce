package telemetry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// ExportConfig says where a process's traces and metrics go.
type ExportConfig struct {
	Endpoint string  // an OTLP/HTTP receiver, http(s)://host:port; "": nothing is exported
	CAFile   string  // trusted beside the system's roots
	Sample   float64 // the share of requests, from 0 to 1, that are traced; decided once, where a trace begins
	Workload string
	Log      *slog.Logger
	Metrics  *Metrics
}

// Tracing makes the spans of one process: W3C trace context on every request, and an OpenTelemetry span of those that
// were chosen. A nil Tracing makes none. Safe for concurrent use.
type Tracing struct {
	tracer trace.Tracer
	close  []func(context.Context) error
}

// exportTimeout is how long the receiver may take for one batch.
const exportTimeout = 5 * time.Second

// NewTracing starts to export, if there is where to. A receiver that is slow, away or refuses costs spans and measurements, which are
// counted, and no request any time.
func NewTracing(cfg ExportConfig) (*Tracing, error) {
	t := &Tracing{}
	about := resource.NewSchemaless(attribute.String("service.name", cfg.Workload), attribute.String("service.namespace", "redoubt"))
	options := []sdktrace.TracerProviderOption{sdktrace.WithResource(about), sdktrace.WithSampler(sdktrace.NeverSample())}
	if cfg.Endpoint != "" {
		client, err := exportClient(cfg.CAFile)
		if err != nil {
			return nil, err
		}
		exporter, err := otlptracehttp.New(context.Background(), otlptracehttp.WithEndpointURL(cfg.Endpoint+"/v1/traces"),
			otlptracehttp.WithHTTPClient(client), otlptracehttp.WithRetry(otlptracehttp.RetryConfig{})) // a retry would hold up the queue
		if err != nil {
			return nil, fmt.Errorf("export traces: %w", err)
		}
		queue := newQueue(exporter, cfg.Log, cfg.Metrics)
		t.close = append(t.close, queue.Shutdown)
		options = append(options[:1], sdktrace.WithSpanProcessor(queue),
			sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(cfg.Sample))))
		push, err := pushMetrics(cfg, about, client)
		if err != nil {
			return nil, err
		}
		t.close = append(t.close, push)
	}
	t.tracer = sdktrace.NewTracerProvider(options...).Tracer("redoubt.example/services/platform/telemetry")
	return t, nil
}

// Close sends what is still waiting, for as long as ctx allows.
func (t *Tracing) Close(ctx context.Context) error {
	var errs []error
	for _, f := range t.close {
		errs = append(errs, f(ctx))
	}
	return errors.Join(errs...)
}

func exportClient(caFile string) (*http.Client, error) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if caFile != "" {
		pem, err := os.ReadFile(caFile)
		if err != nil {
			return nil, fmt.Errorf("export telemetry: %w", err)
		}
		roots.AppendCertsFromPEM(pem)
	}
	return &http.Client{
		Timeout:       exportTimeout,
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, MaxIdleConns: 2, IdleConnTimeout: time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// CheckEndpoint tells whether an endpoint is one that NewTracing takes.
func CheckEndpoint(endpoint string) error {
	u, err := url.Parse(endpoint)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.User != nil {
		return fmt.Errorf("%q is not http(s)://host:port", endpoint)
	}
	return nil
}

// Span is the part of one request that this process sees. A nil Span takes everything and does nothing.
type Span struct {
	span   trace.Span
	linked trace.SpanContext
}

// Begin starts a trace of our own for a request from outside. A client's traceparent is linked, so that its owner can find the
// way from theirs to ours; it is neither continued nor does it say whether to sample, since anybody may send any.
func (t *Tracing) Begin(ctx context.Context, clients string) (context.Context, *Span) {
	if t == nil {
		return ctx, nil
	}
	s := &Span{linked: remote(clients)}
	options := []trace.SpanStartOption{trace.WithNewRoot(), trace.WithSpanKind(trace.SpanKindServer)}
	if s.linked.IsValid() {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: s.linked}))
	}
	ctx, s.span = t.tracer.Start(ctx, "request", options...)
	return ctx, s
}

// Continue joins the trace whose traceparent the context carries (WithTraceparent): a caller of the mesh's.
func (t *Tracing) Continue(ctx context.Context) (context.Context, *Span) {
	if t == nil {
		return ctx, nil
	}
	s := &Span{}
	ctx, s.span = t.tracer.Start(trace.ContextWithRemoteSpanContext(ctx, remote(Traceparent(ctx))), "request", trace.WithSpanKind(trace.SpanKindServer))
	return ctx, s
}

func remote(traceparent string) trace.SpanContext {
	if traceparent == "" {
		return trace.SpanContext{}
	}
	ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{"traceparent": traceparent})
	return trace.SpanContextFromContext(ctx)
}

// TraceIDs are those of the span's trace and of the client's own, for the access log; "" where there is none.
func (s *Span) TraceIDs() (ours, clients string) {
	if s == nil {
		return "", ""
	}
	if s.linked.IsValid() {
		clients = s.linked.TraceID().String()
	}
	return s.span.SpanContext().TraceID().String(), clients
}

// Took enters how long a part of the request took: an event, as the parts are known by their sums.
func (s *Span) Took(part string, count int, d time.Duration) {
	if s == nil || !s.span.IsRecording() {
		return
	}
	s.span.AddEvent(part, trace.WithAttributes(attribute.Int("count", count), attribute.Int64("duration_us", d.Microseconds())))
}

// Recording tells whether anything is kept of the span.
func (s *Span) Recording() bool { return s != nil && s.span.IsRecording() }

// End ends the span. route is topology.yaml's text; nothing that a client chose is kept.
func (s *Span) End(route, caller, requestID string, status int) {
	if s == nil {
		return
	}
	if s.span.IsRecording() {
		s.span.SetName(route)
		s.span.SetAttributes(attribute.String("http.route", route), attribute.Int("http.response.status_code", status),
			attribute.String("redoubt.caller", caller), attribute.String("redoubt.request_id", requestID))
		if status >= http.StatusInternalServerError {
			s.span.SetStatus(codes.Error, "")
		}
	}
	s.span.End()
}
