// Package telemetrytest receives OTLP over HTTP, as a collector would, for tests.
package telemetrytest

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	collectorlogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	collectormetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	collectortrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Receiver keeps what it is sent.
type Receiver struct {
	URL string

	mu      sync.Mutex
	spans   map[string][]*tracepb.Span // by service.name
	metrics map[string][]*metricspb.Metric
	logs    []*logspb.ResourceLogs
}

// New starts a receiver, until the test ends. before is called for each request, and may hold it up or answer it itself by returning
// another status than 200.
func New(t testing.TB, before func(path string) int) *Receiver {
	r := &Receiver{spans: map[string][]*tracepb.Span{}, metrics: map[string][]*metricspb.Metric{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if before != nil {
			if status := before(req.URL.Path); status != http.StatusOK {
				w.WriteHeader(status)
				return
			}
		}
		if err := r.take(req); err != nil {
			t.Errorf("OTLP: %v", err)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(server.Close)
	r.URL = server.URL
	return r
}

func (r *Receiver) take(req *http.Request) error {
	var body io.Reader = req.Body
	if req.Header.Get("Content-Encoding") == "gzip" {
		var err error
		if body, err = gzip.NewReader(req.Body); err != nil {
			return err
		}
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch req.URL.Path {
	case "/v1/logs":
		var in collectorlogs.ExportLogsServiceRequest
		if err := proto.Unmarshal(text, &in); err != nil {
			return err
		}
		r.logs = append(r.logs, in.GetResourceLogs()...)
		return nil
	case "/v1/metrics":
		var in collectormetrics.ExportMetricsServiceRequest
		if err := proto.Unmarshal(text, &in); err != nil {
			return err
		}
		for _, resource := range in.GetResourceMetrics() {
			name := resource.GetResource().GetAttributes()[0].GetValue().GetStringValue()
			for _, scope := range resource.GetScopeMetrics() {
				r.metrics[name] = append(r.metrics[name], scope.GetMetrics()...)
			}
		}
		return nil
	}
	var in collectortrace.ExportTraceServiceRequest
	if err := proto.Unmarshal(text, &in); err != nil {
		return err
	}
	for _, resource := range in.GetResourceSpans() {
		name := resource.GetResource().GetAttributes()[0].GetValue().GetStringValue()
		for _, scope := range resource.GetScopeSpans() {
			r.spans[name] = append(r.spans[name], scope.GetSpans()...)
		}
	}
	return nil
}

// Spans are those of a service that have arrived.
func (r *Receiver) Spans(service string) []*tracepb.Span {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*tracepb.Span(nil), r.spans[service]...)
}

// Metrics are those of a service that have arrived, all rounds of them.
func (r *Receiver) Metrics(service string) []*metricspb.Metric {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*metricspb.Metric(nil), r.metrics[service]...)
}

// Logs are the batches of log records that have arrived, of whichever service.
func (r *Receiver) Logs() []*logspb.ResourceLogs {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*logspb.ResourceLogs(nil), r.logs...)
}
