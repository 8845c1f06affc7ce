package ship_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/event"
	"redoubt.example/services/platform/event/ship"
	"redoubt.example/services/platform/telemetry"
	"redoubt.example/services/platform/telemetrytest"
)

// rig is a process whose log is shipped to a receiver.
type rig struct {
	*telemetrytest.Receiver
	*ship.Shipper
	Log    *slog.Logger
	lines  *lines
	t      testing.TB
	answer atomic.Int64 // the status with which the receiver answers
	asked  atomic.Int64 // attempts to send
	reg    *prometheus.Registry
	hole   atomic.Bool // nobody answers
}

func newRig(t testing.TB, node string) *rig {
	t.Helper()
	r := &rig{t: t, lines: &lines{}, reg: prometheus.NewRegistry()}
	r.answer.Store(http.StatusOK)
	r.Receiver = telemetrytest.New(t, func(string) int { r.asked.Add(1); return int(r.answer.Load()) })
	workload, _, _ := strings.Cut(node, ".")
	r.Shipper = ship.New(ship.Config{Workload: workload, Node: node, Upstreams: []string{"payments", "sentinel"}, RunDir: t.TempDir(), Log: r.lines, Metrics: r.reg})
	r.Log = telemetry.NewLogger(r.Shipper, node, "info")
	return r
}

// started sends from now on.
func (r *rig) started() *rig {
	r.Start(r)
	r.t.Cleanup(func() { r.finish(time.Second) })
	return r
}

// finish is the process's end.
func (r *rig) finish(within time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	r.Close(ctx)
}

// Dial implements ship.Dialer.
func (r *rig) Dial(ctx context.Context, upstream string) (net.Conn, error) {
	if upstream != "sentinel" || r.hole.Load() {
		r.asked.Add(1)
		return nil, errors.New("no healthy instance")
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", strings.TrimPrefix(r.URL, "http://"))
}

// decide logs a decision, as package controls does.
func (r *rig) decide(reason string, attrs ...any) {
	r.Log.Warn("decision", append([]any{"control", "app.policy", "layer", "app", "decision", "deny", "reason", reason}, attrs...)...)
}

func (r *rig) request(route string, status int) {
	r.Log.Info("request", "request_id", "01a222b2-7a12-7ee5-923c-88fefab4d738", "caller", "gateway", "route", route, "status", status, "duration_us", 635)
}

// events are those that have arrived, but for heartbeats.
func (r *rig) events() (all []*event.Event) {
	r.t.Helper()
	for _, batch := range r.Logs() {
		events, err := event.FromOTLP(batch, time.Now(), "payments")
		require.NoError(r.t, err)
		for _, e := range events {
			if e.Text(event.Action) != "alive" && e.Text(event.Action) != "ending" {
				all = append(all, e)
			}
		}
	}
	return all
}

// arrived waits for so many.
func (r *rig) arrived(n int, within time.Duration) []*event.Event {
	r.t.Helper()
	require.Eventually(r.t, func() bool { return len(r.events()) >= n }, within, 5*time.Millisecond)
	all := r.events()
	require.Equal(r.t, n, len(all))
	return all
}

// metric is a counter's value, summed over its labels.
func (r *rig) metric(name string) (sum float64) {
	r.t.Helper()
	all, err := r.reg.Gather()
	require.NoError(r.t, err)
	for _, family := range all {
		if family.GetName() == name {
			for _, m := range family.GetMetric() {
				sum += value(m)
			}
		}
	}
	return sum
}

func value(m *dto.Metric) float64 { return m.GetCounter().GetValue() + m.GetGauge().GetValue() }

// lines is a log that may be written and read at once.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestOnlyEventsAreSent: of what is logged, and of those nothing but the fields of the table.
func TestOnlyEventsAreSent(t *testing.T) {
	const personal, bearer = "canary@example.com", "Bearer 0123456789abcdefcanary"
	jwt := "eyJhbGciOiJub25lIn0" + ".eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJl"
	r := newRig(t, "payments").started()
	r.Log.Info("got "+jwt, "Authorization", bearer) // from which a decision of app.redaction follows
	r.Log.Error("panic", "panic", personal, "stack", "canary")
	r.Log.Info(`request","x":"`, "user", personal)
	r.decide("no "+jwt+" "+bearer, "body", personal, "principal", "canary", "user_agent", strings.Repeat("canary", 2000), "error", personal)
	r.Log.Info("request", "method", "CANARY"+strings.Repeat("X", 5000), "route", "GET /v1/account", "status", 200, "email", personal, "claims", personal)

	all := r.arrived(4, 5*time.Second) // two of them are app.redaction's
	for _, e := range all {
		for name := range e.Fields {
			require.True(t, event.Known(name), name)
			require.LessOrEqual(t, len(e.Text(name)), 256)
		}
	}
	sent := strings.ToLower(fmt.Sprint(r.Logs()))
	require.NotContains(t, sent, "canary")
	require.NotContains(t, sent, "ojjyw5hcnkifq")
	require.NotContains(t, sent, "0123456789abcdef")
	require.Contains(t, r.lines.String(), "canary@", "nothing was asked")
}

// TestSendingIsNothingToSend: or there would be no end to it.
func TestSendingIsNothingToSend(t *testing.T) {
	r := newRig(t, "payments").started()
	require.Eventually(t, func() bool { return r.metric("redoubt_events_sent_total") == 1 }, 5*time.Second, time.Millisecond, "it is alive")
	r.request("POST /v1/logs", http.StatusOK)
	r.request("POST /v1/logs", http.StatusServiceUnavailable)
	r.answer.Store(http.StatusForbidden)
	for range 20 {
		r.Log.Warn("the upstream refused us", "upstream", "sentinel")
	}
	r.Log.Warn("the upstream refused us", "upstream", "modelstore")
	require.Eventually(t, func() bool { return r.asked.Load() > 2 }, 5*time.Second, time.Millisecond)
	r.answer.Store(http.StatusOK)
	all := r.arrived(2, 10*time.Second)
	require.Equal(t, []string{"sentinel", "modelstore"}, []string{all[0].Text("service.target.name"), all[1].Text("service.target.name")})
	require.Equal(t, 1, strings.Count(r.lines.String(), "aren't taken by sentinel"), "said once")
	require.Eventually(t, func() bool { return strings.Count(r.lines.String(), "taken by sentinel again") == 1 }, 5*time.Second, time.Millisecond)
}

func TestArrivesWithinASecond(t *testing.T) {
	r := newRig(t, "payments.sidecar")
	r.decide("before there was a way") // as while the mesh opens
	r.started()
	require.Equal(t, "before there was a way", r.arrived(1, 5*time.Second)[0].Text(event.Reason))
	began := time.Now()
	r.decide("now")
	e := r.arrived(2, time.Second)[1]
	t.Logf("after %v", time.Since(began).Round(time.Millisecond))
	require.Equal(t, []string{"payments", "payments.sidecar", "now"}, []string{e.Reporter(), e.Text("service.node.name"), e.Text(event.Reason)})

	alive := 0
	for _, batch := range r.Logs() {
		events, err := event.FromOTLP(batch, time.Now(), "payments")
		require.NoError(t, err)
		for _, e := range events {
			if e.Text(event.Action) == "alive" {
				alive++
				require.Equal(t, event.Lifecycle, e.Text(event.Dataset))
			}
		}
	}
	require.Equal(t, 1, alive, "at its start, and then every few seconds")
}

// TestSentinelAway: writing goes on as ever, and everything arrives when it is back.
func TestSentinelAway(t *testing.T) {
	for name, away := range map[string]func(r *rig, away bool){
		"nobody there": func(r *rig, away bool) { r.hole.Store(away) },
		"no room":      func(r *rig, away bool) { r.answer.Store(map[bool]int64{true: 503, false: 200}[away]) },
		"we aren't let in": func(r *rig, away bool) {
			r.answer.Store(map[bool]int64{true: 403, false: 200}[away])
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "payments")
			away(r, true)
			r.started()
			longest := time.Duration(0)
			for i := range 1000 {
				began := time.Now()
				r.decide(fmt.Sprint(i))
				longest = max(longest, time.Since(began))
			}
			t.Logf("longest write: %v", longest)
			tried := r.asked.Load()
			require.Eventually(t, func() bool { return r.asked.Load() > tried+1 }, 5*time.Second, time.Millisecond)
			require.Empty(t, r.events())
			away(r, false)
			seen := map[string]bool{}
			for _, e := range r.arrived(1000, 10*time.Second) {
				seen[e.Text(event.Reason)] = true
			}
			require.Len(t, seen, 1000)
			require.Zero(t, r.metric("redoubt_events_lost_total"))
		})
	}
}

// TestLossIsCountedAndReported: what finds no room is known to the last event, and access lines go first.
func TestLossIsCountedAndReported(t *testing.T) {
	const written = 12_000
	r := newRig(t, "payments")
	r.hole.Store(true)
	r.started()
	for range written {
		r.request("GET /v1/account", http.StatusOK)
	}
	for i := range 100 {
		r.decide(fmt.Sprint(i))
	}
	r.decide(strings.Repeat("x", 70_000))
	lost := int(r.metric("redoubt_events_lost_total"))
	require.Greater(t, lost, 1000)
	r.hole.Store(false)

	said, others, decisions := map[string]int{}, 0, 0
	require.Eventually(t, func() bool {
		clear(said)
		others, decisions = 0, 0
		for _, e := range r.events() {
			if e.Text(event.Action) == "events-lost" {
				n, _ := e.Fields[event.Lost].(int)
				said[e.Text(event.Reason)] += n
				continue
			}
			others++
			if e.Text(event.Dataset) == event.Decision {
				decisions++
			}
		}
		return others+said["no room"]+said["line too long"] >= written+100+1
	}, 20*time.Second, 20*time.Millisecond)
	require.Equal(t, map[string]int{"no room": lost - 1, "line too long": 1}, said)
	require.Equal(t, written+100+1-lost, others)
	require.Equal(t, 100, decisions, "those that came when there was no room for access lines any more")
	require.GreaterOrEqual(t, int(r.metric("redoubt_events_sent_total")), others+2, "beside heartbeats, and what there is to say of them")
	require.EqualValues(t, lost, r.metric("redoubt_events_lost_total"))
}

// TestRefusedForWhatTheyAre: such a batch isn't sent again; those after it are.
func TestRefusedForWhatTheyAre(t *testing.T) {
	r := newRig(t, "payments")
	r.answer.Store(http.StatusBadRequest)
	r.decide("bad")
	r.started()
	require.Eventually(t, func() bool { return r.metric("redoubt_events_lost_total") == 1 }, 5*time.Second, time.Millisecond)
	r.decide("bad, and with it the report of the first")
	require.Eventually(t, func() bool { return r.metric("redoubt_events_lost_total") == 2 }, 5*time.Second, time.Millisecond)
	r.answer.Store(http.StatusOK)
	r.decide("good")
	all := r.arrived(2, 5*time.Second)
	require.Equal(t, []string{"good", "refused by sentinel", "2"}, []string{all[0].Text(event.Reason), all[1].Text(event.Reason), all[1].Text(event.Lost)})
}

func TestEnd(t *testing.T) {
	r := newRig(t, "payments").started()
	r.decide("last")
	began := time.Now()
	r.finish(time.Second)
	require.Less(t, time.Since(began), 500*time.Millisecond, "it waits for nothing more")
	require.Len(t, r.events(), 1)
	batches := r.Logs()
	require.Contains(t, fmt.Sprint(batches[len(batches)-1]), "ending", "it isn't missed")
	r.finish(time.Second) // may be called twice
	r.decide("too late, and no harm")

	away := newRig(t, "payments")
	away.hole.Store(true)
	away.started()
	for range 1000 { // more than are sent at once
		away.decide("never")
	}
	require.Eventually(t, func() bool { return strings.Contains(away.lines.String(), "aren't taken") }, 5*time.Second, time.Millisecond)
	began = time.Now()
	away.finish(time.Second)
	require.Less(t, time.Since(began), time.Second)
	require.Contains(t, away.lines.String(), `"events were lost, and sentinel wasn't told","service":"payments","count":1000`)

	newRig(t, "payments").finish(time.Second) // never started
}

// TestNoWay: whom topology.yaml gives no way to sentinel just logs.
func TestNoWay(t *testing.T) {
	var log bytes.Buffer
	reg := prometheus.NewRegistry()
	s := ship.New(ship.Config{Workload: "payments", Node: "payments", Log: &log, Metrics: reg})
	telemetry.NewLogger(s, "payments", "info").Warn("decision", "decision", "deny")
	s.Start(nil)
	s.Close(t.Context())
	require.Contains(t, log.String(), "decision")
	families, err := reg.Gather()
	require.NoError(t, err)
	require.Empty(t, families)
}

// TestSentinelReportsAtItsOwnDoor: it is no upstream of its own.
func TestSentinelReportsAtItsOwnDoor(t *testing.T) {
	dir := t.TempDir()
	ln, err := net.Listen("unix", filepath.Join(dir, "admin.sock"))
	require.NoError(t, err)
	asked := make(chan string, 1)
	door := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked <- r.Method + " " + r.URL.Path })}
	go func() { _ = door.Serve(ln) }()
	t.Cleanup(func() { _ = door.Close() })
	s := ship.New(ship.Config{Workload: "sentinel", Node: "sentinel.sidecar", RunDir: dir, Log: &lines{}, Metrics: prometheus.NewRegistry()})
	s.Start(nil)
	require.Equal(t, "POST /v1/platform-logs", <-asked)
	s.Close(t.Context())
}
