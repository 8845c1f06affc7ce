package event_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/protobuf/proto"

	"redoubt.example/services/platform/event"
)

func decision(t *testing.T) *event.Event {
	t.Helper()
	e, ok := event.FromLog([]byte(`{"time":"2026-11-22T08:00:00Z","level":"WARN","msg":"decision","service":"payments","control":"app.policy","decision":"deny"}`))
	require.True(t, ok)
	return e
}

// TestNobodyReportsAsAnother: the certificate of the connection says who may report, not the batch.
func TestNobodyReportsAsAnother(t *testing.T) {
	batch, err := event.ToOTLP("payments", []*event.Event{decision(t)})
	require.NoError(t, err)
	_, err = event.FromOTLP(batch, time.Now(), "notification")
	require.ErrorContains(t, err, `"payments" isn't among those`)
	_, err = event.ToOTLP("notification", []*event.Event{decision(t)})
	require.Error(t, err)

	record := batch.GetScopeLogs()[0].GetLogRecords()[0]
	record.Attributes = append(record.Attributes, text("service.name", "gateway"))
	_, err = event.FromOTLP(batch, time.Now(), "payments")
	require.ErrorContains(t, err, "twice")
}

func TestBadRecordsAreRefused(t *testing.T) {
	for name, spoil := range map[string]func(*logspb.LogRecord){
		"a field of nobody's": func(r *logspb.LogRecord) { r.Attributes = append(r.Attributes, text("user.email", "x")) },
		"a number as text":    func(r *logspb.LogRecord) { r.Attributes = append(r.Attributes, text("source.port", "1")) },
		"text too long": func(r *logspb.LogRecord) {
			r.Attributes = append(r.Attributes, text("http.route", strings.Repeat("x", 300)))
		},
		"a credential":         func(r *logspb.LogRecord) { r.Attributes = append(r.Attributes, text("http.route", token)) },
		"a field twice":        func(r *logspb.LogRecord) { r.Attributes = append(r.Attributes, text("rule.id", "x")) },
		"an empty field":       func(r *logspb.LogRecord) { r.Attributes = append(r.Attributes, text("http.route", "")) },
		"no ID":                func(r *logspb.LogRecord) { r.Attributes = r.GetAttributes()[1:] },
		"a field of no value":  func(r *logspb.LogRecord) { r.Attributes = append(r.Attributes, &commonpb.KeyValue{Key: "http.route"}) },
		"no attributes at all": func(r *logspb.LogRecord) { r.Attributes = nil },
	} {
		batch, err := event.ToOTLP("payments", []*event.Event{decision(t)})
		require.NoError(t, err)
		spoil(batch.GetScopeLogs()[0].GetLogRecords()[0])
		_, err = event.FromOTLP(batch, time.Now(), "payments")
		require.Error(t, err, name)
	}
}

func TestBadDocumentsAreRefused(t *testing.T) {
	for _, doc := range []string{
		`{}`, `[]`, `{"@timestamp":"yesterday"}`,
		`{"@timestamp":"2026-11-22T08:00:00Z","event.id":"1","service.name":"x","event.dataset":"redoubt.decision","user.name":"x"}`,
		`{"@timestamp":"2026-11-22T08:00:00Z","event.id":"1","service.name":"x","event.dataset":"redoubt.decision","ecs.version":"1.0.0"}`,
		`{"@timestamp":"2026-11-22T08:00:00Z","event.id":"1","service.name":"x","event.dataset":"redoubt.decision","source.port":1.5}`,
		`{"@timestamp":"2026-11-22T08:00:00Z","event.id":"1","service.name":"x","event.dataset":"redoubt.decision","event.type":"denied"}`,
	} {
		var e event.Event
		require.Error(t, json.Unmarshal([]byte(doc), &e), doc)
	}
}

func text(name, value string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: name, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: value}}}
}

// FuzzFrom: whatever somebody logs, what comes of it is an event that a receiver takes.
func FuzzFrom(f *testing.F) {
	for name := range sources {
		for _, line := range lines(f, name) {
			f.Add([]byte(line))
		}
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		for _, from := range sources {
			e, is := from(line)
			if !is {
				continue
			}
			batch, err := event.ToOTLP(e.Reporter(), []*event.Event{e})
			require.NoError(t, err)
			_, err = proto.Marshal(batch)
			require.NoError(t, err, "%q", line)
			_, err = event.FromOTLP(batch, time.Now(), e.Reporter())
			require.NoError(t, err, "%q", line)
		}
	})
}

// BenchmarkFromLog is what it takes to make an event of a decision record; no request waits for it.
func BenchmarkFromLog(b *testing.B) {
	line := []byte(`{"time":"2026-11-22T08:34:38.226362375Z","level":"WARN","msg":"decision","service":"gateway","request_id":"01a20264-9e12-7463-936d-4f62ad1a0c54","control":"edge.lifecycle","layer":"edge","decision":"deny","reason":"retired","retired_path":"/v0/*","route":"unmatched","peer":"127.0.0.1:36434"}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := event.FromLog(line); !ok {
			b.Fatal("no event")
		}
	}
}
