package anomaly_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/infra/topology"
	"redoubt.example/services/platform/alert"
	"redoubt.example/services/platform/event"
	"redoubt.example/services/sentinel/internal/anomaly"
)

var start = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func baseline(t testing.TB) *anomaly.Baseline {
	t.Helper()
	top, err := topology.Load()
	require.NoError(t, err)
	return anomaly.New(top)
}

var made int

// call is what a service reports of a call that it answered.
func call(at time.Time, caller, callee, route string, status int) *event.Event {
	made++
	return &event.Event{ID: fmt.Sprint(made), Time: at, Observed: at, Fields: map[string]any{
		event.Dataset: event.Access, event.Service: callee, event.Caller: caller, "http.route": route, "http.response.status_code": status, "event.duration": int(5 * time.Millisecond)}}
}

// request is what the gateway reports of a client's.
func request(at time.Time, route string) *event.Event {
	return call(at, "outside", "gateway", route, 201)
}

// refusal is what a sidecar reports of a connection that no intention allows.
func refusal(at time.Time, caller, callee string) *event.Event {
	e := call(at, caller, callee, "", 0)
	e.Fields[event.Dataset], e.Fields[event.RuleID], e.Fields[event.Outcome] = event.Decision, "mesh.intention", "failure"
	delete(e.Fields, "http.route")
	return e
}

const (
	classify  = "/redoubt.inference.v1.InferenceService/Classify"
	authorize = "POST /v1/authorizations"
	capture   = "POST /v1/authorizations/{id}/capture"
)

// document is an honest request with the calls that it leads to.
func document(at time.Time) []*event.Event {
	later := func(ms int) time.Time { return at.Add(time.Duration(ms) * time.Millisecond) }
	return []*event.Event{
		call(later(5), "ingestion", "payments", authorize, 201), call(later(15), "ingestion", "inference", classify, 200),
		call(later(20), "ingestion", "payments", capture, 200), call(later(22), "gateway", "ingestion", "POST /v1/documents", 201),
		request(later(23), "POST /v1/documents"), call(later(30), "ingestion", "notification", "POST /v1/notifications", 202),
	}
}

func observe(b *anomaly.Baseline, events ...*event.Event) (alerts []alert.Alert) {
	slices.SortStableFunc(events, func(a, b *event.Event) int { return a.Time.Compare(b.Time) })
	for _, e := range events {
		alerts = append(alerts, b.Observe(context.Background(), e)...)
	}
	return alerts
}

func reasons(alerts []alert.Alert) (all []string) {
	for _, a := range alerts {
		all = append(all, a.Rule+": "+a.Reason)
	}
	return all
}

func TestSomewhereNew(t *testing.T) {
	for _, one := range []struct {
		event  *event.Event
		level  string
		reason string
	}{
		{call(start, "notification", "payments", "POST /v1/transfers", 403), "high",
			"notification called payments POST /v1/transfers once; never seen before, and topology.yaml doesn't list it"},
		{refusal(start, "notification", "payments"), "high",
			"notification tried to connect to payments once; never seen before, and topology.yaml doesn't list it as a caller"},
		{call(start, "ingestion", "payments", "unmatched", 404), "medium", "ingestion called payments unmatched once; never seen before, and payments has no such route"},
		{call(start, "stranger", "payments", authorize, 201), "high", "stranger called payments POST /v1/authorizations once; never seen before, and topology.yaml doesn't list it"},
	} {
		alerts := baseline(t).Observe(t.Context(), one.event)
		require.Len(t, alerts, 1, one.reason)
		a := alerts[0]
		require.Equal(t, []string{anomaly.NewEdge, one.reason, one.level}, []string{a.Rule, a.Reason, a.Level})
		require.Equal(t, one.event.Text(event.Caller), a.Subject.Caller)
		require.Equal(t, one.event.Reporter(), a.Subject.Reporter)
		require.Equal(t, start, a.First)
		require.Equal(t, 1, a.Count)
		require.NotEmpty(t, a.Threats)
	}
}

// TestListedIsNotNew: after a start nothing has been seen, and topology.yaml says what is to be expected.
func TestListedIsNotNew(t *testing.T) {
	b := baseline(t)
	top, err := topology.Load()
	require.NoError(t, err)
	for _, callee := range top.Names() {
		for _, r := range top.Services[callee].Routes {
			for _, caller := range r.Callers {
				require.Empty(t, b.Observe(t.Context(), call(start, caller, callee, r.Route, 200)))
			}
		}
	}
	require.Empty(t, b.Observe(t.Context(), refusal(start, "ingestion", "payments")), "it is shut out: nothing new")
	require.Empty(t, b.Observe(t.Context(), call(start, "outside", "gateway", "unmatched", 404)), "clients are outside the mesh")
	require.Empty(t, b.Advance(start.Add(time.Minute)))
}

func TestManyCallsSomewhereNew(t *testing.T) {
	b := baseline(t)
	var alerts []alert.Alert
	for i := range 12 {
		alerts = append(alerts, b.Observe(t.Context(), call(start.Add(time.Duration(i)*100*time.Millisecond), "notification", "payments", "POST /v1/transfers", 403))...)
	}
	require.Len(t, alerts, 1, "once is enough")
	alerts = append(alerts, b.Advance(start.Add(20*time.Second))...)
	require.Len(t, alerts, 2)
	require.Equal(t, anomaly.Rate, alerts[1].Rule)
	require.Equal(t, "notification called payments POST /v1/transfers 12 times in 10 s; never seen before, and topology.yaml doesn't list it", alerts[1].Reason)
	require.Equal(t, 12, alerts[1].Count)
}

// TestCallsThatNobodyAskedFor: what a request at the gateway leads to is no surprise, however many; the same without is one.
func TestCallsThatNobodyAskedFor(t *testing.T) {
	b, random := baseline(t), rand.New(rand.NewPCG(1, 2))
	at := start
	for at.Before(start.Add(10 * time.Minute)) { // four a second
		require.Empty(t, observe(b, document(at)...))
		at = at.Add(time.Duration(random.ExpFloat64() * 0.25 * float64(time.Second)))
	}
	for until := at.Add(30 * time.Second); at.Before(until); { // suddenly a hundred
		require.Empty(t, reasons(observe(b, document(at)...)))
		at = at.Add(time.Duration(random.ExpFloat64() * 0.01 * float64(time.Second)))
	}
	require.Empty(t, b.Advance(at.Add(time.Minute)))

	at = at.Add(2 * time.Minute).Truncate(anomaly.Window)
	var alerts []alert.Alert
	for i := range 420 {
		alerts = append(alerts, b.Observe(t.Context(), call(at.Add(time.Duration(i)*20*time.Millisecond), "ingestion", "inference", classify, 200))...)
		if i%10 == 0 { // among honest ones
			alerts = append(alerts, observe(b, document(at.Add(time.Duration(i)*20*time.Millisecond))...)...)
		}
	}
	require.Len(t, alerts, 1, reasons(alerts))
	require.Less(t, alerts[0].Time.Sub(at), 3*time.Second, "long before the window is over")
	require.Regexp(t, `^ingestion -> inference /redoubt.inference.v1.InferenceService/Classify: \d+ calls in 10 s where \d+ \+- \d+ are usual for the \d+ requests that lead to it$`, alerts[0].Reason)
	require.Equal(t, "ingestion", alerts[0].Subject.Caller)
	require.Equal(t, "medium", alerts[0].Level)

	quiet := baseline(t)
	alerts = nil
	for i := range 60 {
		alerts = append(alerts, quiet.Observe(t.Context(), call(start.Add(time.Duration(i)*50*time.Millisecond), "ingestion", "payments", authorize, 201))...)
	}
	require.Len(t, alerts, 1)
	require.Contains(t, alerts[0].Reason, "where 0 +- 1 are usual: no request that leads to it came in at the gateway")
}

func TestFewCallsThatNobodyAskedFor(t *testing.T) {
	b := baseline(t)
	var alerts []alert.Alert
	for i := range 20 { // too few to be certain of at once
		alerts = append(alerts, b.Observe(t.Context(), call(start.Add(time.Duration(i)*400*time.Millisecond), "ingestion", "payments", authorize, 201))...)
	}
	require.Empty(t, alerts)
	alerts = b.Advance(start.Add(13 * time.Second))
	require.Len(t, alerts, 1)
	require.Equal(t, "ingestion -> payments POST /v1/authorizations: 20 calls in 10 s where 0 +- 1 are usual: no request that leads to it came in at the gateway", alerts[0].Reason)
}

func TestALowPrivilegedServiceThatAsksMuch(t *testing.T) {
	b := baseline(t)
	var alerts []alert.Alert
	for i := range 200 {
		alerts = append(alerts, b.Observe(t.Context(), call(start.Add(time.Duration(i)*40*time.Millisecond), "notification", "gateway", "GET /v1/transaction-keys", 200))...)
	}
	require.Len(t, alerts, 1)
	require.Equal(t, "high", alerts[0].Level)
	require.Contains(t, alerts[0].Reason, "notification -> gateway GET /v1/transaction-keys: ")
}

func TestRefusedMoreThanUsual(t *testing.T) {
	b := baseline(t)
	var events []*event.Event
	for i := range 40 {
		at := start.Add(time.Duration(i) * 200 * time.Millisecond)
		events = append(events, call(at, "gateway", "ingestion", "GET /v1/documents/{id}", 404), request(at.Add(time.Millisecond), "GET /v1/documents/{id}"))
	}
	for _, e := range events {
		if e.Text(event.Caller) == "outside" {
			e.Fields["http.response.status_code"] = 200
		}
	}
	require.Empty(t, observe(b, events...))
	alerts := b.Advance(start.Add(13 * time.Second))
	require.Len(t, alerts, 1)
	require.Equal(t, anomaly.Refused, alerts[0].Rule)
	require.Equal(t, "gateway -> ingestion GET /v1/documents/{id}: 40 of 40 calls in 10 s were refused where 5 % are usual", alerts[0].Reason)
}

func TestLongerAnswersThanUsual(t *testing.T) {
	b := baseline(t)
	send := func(at time.Time, n, bytes int) (alerts []alert.Alert) {
		var events []*event.Event
		for i := range n {
			e := call(at.Add(time.Duration(i)*100*time.Millisecond), "gateway", "ingestion", "GET /v1/documents", 200)
			e.Fields["http.response.bytes"] = bytes
			events = append(events, e, request(e.Time.Add(time.Millisecond), "GET /v1/documents"))
		}
		return observe(b, events...)
	}
	for i := range 12 {
		require.Empty(t, send(start.Add(time.Duration(i)*anomaly.Window), 20, 2000+100*i))
	}
	require.Empty(t, send(start.Add(12*anomaly.Window), 20, 400_000))
	alerts := b.Advance(start.Add(14 * anomaly.Window))
	require.Len(t, alerts, 1, reasons(alerts))
	require.Equal(t, anomaly.Bytes, alerts[0].Rule)
	require.Regexp(t, `answers of 400000 bytes in 10 s where 25\d\d are usual`, alerts[0].Reason)
}

// TestSlowPoisoning: somebody who knows all of this raises his calls as fast as nobody notices, for a day. What he may do then
// unnoticed is in the README.
func TestSlowPoisoning(t *testing.T) {
	most := func(b *anomaly.Baseline, at time.Time, try func(*anomaly.Baseline, time.Time, int) bool) int { // unnoticed, by bisection on copies
		low, high := 0, 4096
		for low+1 < high {
			if middle := (low + high) / 2; try(b.Clone(), at, middle) {
				high = middle
			} else {
				low = middle
			}
		}
		return low
	}
	send := func(b *anomaly.Baseline, at time.Time, n int) bool {
		noticed := false
		for range n {
			noticed = len(b.Observe(t.Context(), call(at.Add(time.Millisecond), "notification", "gateway", "GET /v1/transaction-keys", 200))) > 0 || noticed
		}
		return len(b.Advance(at.Add(anomaly.Window+anomaly.Lateness))) > 0 || noticed
	}
	b := baseline(t)
	b.Advance(start)
	at := start.Add(anomaly.Window)
	first := most(b, at, send)
	n := first
	for hour := range 24 {
		for range int(time.Hour / anomaly.Window) {
			if send(b.Clone(), at, n+1) {
				for n > 0 && send(b.Clone(), at, n) {
					n--
				}
			} else {
				n++
			}
			require.False(t, send(b, at, n))
			at = at.Add(anomaly.Window)
		}
		if hour == 0 {
			t.Logf("unnoticed in 10 s: %d at first, %d after an hour", first, most(b, at, send))
		}
	}
	last := most(b, at, send)
	t.Logf("after a day: %d", last)
	require.Less(t, last, 400)
	require.True(t, send(b, at, 400))
}

// TestOrderAndRepetition: the same events, late by up to Lateness and twice, are the same anomalies.
func TestOrderAndRepetition(t *testing.T) {
	var events []*event.Event
	for i := range 300 {
		events = append(events, document(start.Add(time.Duration(i)*100*time.Millisecond))...)
	}
	for i := range 30 {
		events = append(events, call(start.Add(10*time.Second+time.Duration(i)*10*time.Millisecond), "inference", "payments", authorize, 201))
		events = append(events, call(start.Add(20*time.Second), "notification", "payments", authorize, 403))
	}
	slices.SortStableFunc(events, func(a, b *event.Event) int { return a.Time.Compare(b.Time) })
	end := start.Add(2 * time.Minute)
	b := baseline(t)
	want := reasons(append(observe(b, slices.Clone(events)...), b.Advance(end)...))
	require.Len(t, want, 3)
	slices.Sort(want)
	random := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		type arrival struct {
			at time.Time
			e  *event.Event
		}
		var arrivals []arrival
		for _, e := range events {
			for range 1 + random.IntN(2) {
				arrivals = append(arrivals, arrival{e.Time.Add(time.Duration(random.Int64N(int64(anomaly.Lateness)))), e})
			}
		}
		slices.SortStableFunc(arrivals, func(a, b arrival) int { return a.at.Compare(b.at) })
		b := baseline(t)
		var alerts []alert.Alert
		for _, a := range arrivals {
			e := *a.e
			e.Observed = a.at
			alerts = append(alerts, b.Observe(t.Context(), &e)...)
		}
		got := reasons(append(alerts, b.Advance(end)...))
		slices.Sort(got)
		require.Equal(t, want, got)
	}
}

// TestMemoryIsBounded: whatever a service that was taken over reports.
func TestMemoryIsBounded(t *testing.T) {
	b := baseline(t)
	b.Advance(start)
	for i := range 300_000 {
		at := start.Add(time.Duration(i) * time.Microsecond)
		b.Observe(t.Context(), call(at, fmt.Sprint("caller", i%1000), "payments", fmt.Sprint("GET /", i), 200))
		b.Observe(t.Context(), call(at.Add(-time.Duration(i)*time.Hour), "gateway", "payments", fmt.Sprint("GET /", i), 200))
	}
	edges, windows, ids := b.Holds()
	require.LessOrEqual(t, edges, 4096)
	require.LessOrEqual(t, windows, 20)
	require.LessOrEqual(t, ids, 1<<19)
	require.NotZero(t, b.Stats.Folded)
	require.NotEmpty(t, b.Observe(t.Context(), refusal(start.Add(time.Second), "notification", "modelstore")), "others are still heard of")
}

// TestAfterSilence: nothing is learned of a time of which nothing is known.
func TestAfterSilence(t *testing.T) {
	b := baseline(t)
	observe(b, document(start)...)
	began := time.Now()
	require.Empty(t, b.Advance(start.Add(100*365*24*time.Hour)))
	require.Less(t, time.Since(began), time.Second)
	require.NotEmpty(t, b.Observe(t.Context(), call(start.Add(200*365*24*time.Hour), "notification", "payments", authorize, 201)))
}

func TestWordsAreSentences(t *testing.T) {
	b := baseline(t)
	for _, a := range b.Observe(t.Context(), refusal(start, "notification", "payments")) {
		require.False(t, strings.HasSuffix(a.Reason, "."))
		require.NotContains(t, a.Reason, "%!")
	}
}

func BenchmarkObserve(b *testing.B) {
	base := baseline(b)
	var events []*event.Event
	for i := range 20_000 {
		events = append(events, document(start.Add(time.Duration(i)*time.Millisecond))...)
	}
	slices.SortStableFunc(events, func(a, b *event.Event) int { return a.Time.Compare(b.Time) })
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		e := *events[i%len(events)]
		e.ID, e.Observed = fmt.Sprint(i), e.Time
		base.Observe(b.Context(), &e)
		i++
	}
}
