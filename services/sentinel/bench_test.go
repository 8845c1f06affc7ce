package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	collogspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/protobuf/proto"

	"redoubt.example/infra/topology"
	"redoubt.example/services/platform/alert"
	"redoubt.example/services/platform/event"
	"redoubt.example/services/sentinel/internal/alerts"
	"redoubt.example/services/sentinel/internal/anomaly"
	"redoubt.example/services/sentinel/internal/detection"
	"redoubt.example/services/sentinel/internal/flow"
	"redoubt.example/services/sentinel/internal/httpapi"
	"redoubt.example/services/sentinel/internal/presence"
	"redoubt.example/services/sentinel/internal/stream"
)

const detections = "../../threatmodel/detections"

// recorded are all events that rules are tested with, hostile ones and their near misses.
func recorded(b *testing.B) (all []*event.Event) {
	b.Helper()
	files, err := filepath.Glob(detections + "/*/*.ndjson")
	require.NoError(b, err)
	for _, name := range append(files, "internal/detection/testdata/honest.ndjson") {
		raw, err := os.ReadFile(name)
		require.NoError(b, err)
		for lines := bufio.NewScanner(bytes.NewReader(raw)); lines.Scan(); {
			var e event.Event
			require.NoError(b, json.Unmarshal(lines.Bytes(), &e), name)
			all = append(all, &e)
		}
	}
	require.NotEmpty(b, all)
	return all
}

const perBatch = 200 // what a busy service has to report in a tenth of a second, at 2,000 events a second

// body is a request with the events of one reporter, new ones every time: number is that of the first.
func body(b *testing.B, reporter string, events []*event.Event, number int, at time.Time) []byte {
	b.Helper()
	fresh := make([]*event.Event, len(events))
	for i, e := range events {
		next := *e
		next.ID, next.Time, next.Observed = fmt.Sprintf("%032x", number+i), at, time.Time{}
		fresh[i] = &next
	}
	batch, err := event.ToOTLP(reporter, fresh)
	require.NoError(b, err)
	raw, err := proto.Marshal(&collogspb.ExportLogsServiceRequest{ResourceLogs: []*logspb.ResourceLogs{batch}})
	require.NoError(b, err)
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err = w.Write(raw)
	require.NoError(b, err)
	require.NoError(b, w.Close())
	return packed.Bytes()
}

// rig is sentinel without its connections: the handler that takes a request, all rules and observers, and what becomes of events then.
type rig struct {
	take       http.HandlerFunc
	reporters  []string
	byReporter map[string][]*event.Event // perBatch at least
}

func newRig(b *testing.B, raise func(alert.Alert), keep func([]*event.Event)) rig {
	b.Helper()
	rules, err := detection.Load(os.DirFS(detections))
	require.NoError(b, err)
	top, err := topology.Load()
	require.NoError(b, err)
	r := rig{byReporter: map[string][]*event.Event{}}
	for _, e := range recorded(b) {
		r.byReporter[e.Reporter()] = append(r.byReporter[e.Reporter()], e)
	}
	for name, events := range r.byReporter {
		for len(r.byReporter[name]) < perBatch {
			r.byReporter[name] = append(r.byReporter[name], events...)
		}
		r.reporters = append(r.reporters, name)
	}
	slices.Sort(r.reporters)
	s := stream.New(stream.Config{
		Observers: []stream.Observer{alerts.NewDamper(detection.NewWatch(detection.New(rules, detection.Defaults())), anomaly.New(top),
			presence.New(presence.Config{Workloads: top.Callers("sentinel"), Operator: supervisor, Silence: silence, Grace: grace})), flow.New()},
		Raise: raise, Keep: keep, Tick: tick, Most: maxWaiting})
	r.take = httpapi.API{Stream: s, Now: time.Now, Local: r.reporters}.Admin()["POST "+alert.AuditPath]
	go func() { _ = s.Run(b.Context()) }()
	return r
}

// request has perBatch events of one reporter, another's each time: number is that of the first.
func (r rig) request(b *testing.B, number int) *http.Request {
	reporter := r.reporters[number/perBatch%len(r.reporters)]
	raw := body(b, reporter, r.byReporter[reporter][:perBatch], number, time.Now())
	req := httptest.NewRequestWithContext(b.Context(), http.MethodPost, alert.AuditPath, bytes.NewReader(raw))
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("Content-Encoding", "gzip")
	return req
}

// BenchmarkReceive is what an event costs from the bytes of a request to the end of every observer: unpacked, decoded, checked,
// and looked at by all rules, the baseline of who calls whom, and the rest. The events of attacks are among them, one in two.
func BenchmarkReceive(b *testing.B) {
	raised, kept, looked := 0, 0, make(chan int)
	r := newRig(b, func(alert.Alert) { raised++ }, func(events []*event.Event) { looked <- len(events) })

	number, spent := 0, time.Duration(0)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer() // a client's work
		req, w := r.request(b, number), httptest.NewRecorder()
		before := used(b)
		b.StartTimer()
		r.take(w, req)
		kept += <-looked
		spent += used(b) - before
		require.Equal(b, http.StatusOK, w.Code, w.Body)
		require.Zero(b, w.Body.Len(), "all was taken")
		number += perBatch
	}
	require.Equal(b, number, kept)
	require.Positive(b, raised)
	b.ReportMetric(float64(number)/spent.Seconds(), "events/cpu-s")
	b.ReportMetric(float64(spent.Nanoseconds())/float64(number), "ns/event")
}

// used is the processor time that this process has had.
func used(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
