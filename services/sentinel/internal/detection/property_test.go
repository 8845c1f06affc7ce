package detection_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/event"
	"redoubt.example/services/sentinel/internal/detection"
)

// the same rules as testdata/properties.yml, for the reference.
func referenceRules() []refRule {
	const caller = event.Caller
	one := []string{caller}
	return []refRule{
		{name: "count", kind: "event_count", of: []string{"a"}, group: one, least: 3, span: 10 * time.Second},
		{name: "count_any", kind: "event_count", of: []string{"a", "b"}, group: one, least: 5, span: 5 * time.Second},
		{name: "count_all", kind: "event_count", of: []string{"c"}, least: 6, span: 20 * time.Second},
		{name: "few", kind: "event_count", of: []string{"b"}, group: one, most: 2, span: 7 * time.Second},
		{name: "between", kind: "event_count", of: []string{"a", "c"}, group: one, least: 2, most: 4, span: 9 * time.Second},
		{name: "values", kind: "value_count", of: []string{"a", "b"}, group: one, value: "http.route", least: 3, span: 8 * time.Second},
		{name: "few_values", kind: "value_count", of: []string{"a"}, group: one, value: "http.route", least: 2, most: 2, span: 6 * time.Second},
		{name: "together", kind: "temporal", of: []string{"a", "b", "c"}, group: one, least: 3, span: 6 * time.Second},
		{name: "two_of_three", kind: "temporal", of: []string{"a", "b", "c"}, group: one, least: 2, span: 2 * time.Second},
		{name: "ordered", kind: "temporal_ordered", of: []string{"a", "b", "c"}, group: one, least: 3, span: 8 * time.Second},
		{name: "aliased", kind: "temporal", of: []string{"a", "b"}, group: []string{"who"}, alias: map[string]string{"a": caller, "b": "service.target.name"}, least: 2, span: 5 * time.Second},
		{name: "chained", kind: "temporal_ordered", of: []string{"count", "c"}, group: one, least: 2, span: 10 * time.Second},
		{name: "chained_end", kind: "temporal", of: []string{"few", "a"}, group: one, least: 2, span: 3 * time.Second},
	}
}

func rulesOf(t testing.TB, name string) *detection.Rules {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	rules, err := detection.Parse(raw)
	require.NoError(t, err)
	return rules
}

// stream is random: few actions, groups and values, so that much coincides, with some fields missing and some moments shared.
func stream(rng *rand.Rand, n int) []*event.Event {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var events []*event.Event
	for i := range n {
		if rng.IntN(8) > 0 {
			at = at.Add(time.Duration(rng.IntN(2500)) * time.Millisecond)
		}
		if rng.IntN(40) == 0 {
			at = at.Add(30 * time.Second)
		}
		e := &event.Event{ID: fmt.Sprintf("%05d", rng.IntN(1000)*1000+i), Time: at, Fields: map[string]any{
			event.Dataset: event.Lifecycle, event.Service: "payments", event.Action: string("abc"[rng.IntN(3)])}}
		for field, values := range map[string]int{event.Caller: 3, "service.target.name": 3, "http.route": 4} {
			if v := rng.IntN(values * 8); v >= values { // one in eight has none
				e.Fields[field] = string(rune('p' + v%values))
			}
		}
		events = append(events, e)
	}
	return events
}

const lateness = 3 * time.Second

func config() detection.Config {
	c := detection.Defaults()
	c.Lateness, c.Remembered = lateness, time.Minute
	return c
}

// arrival is a way in which a stream can come: each event is up to the lateness behind its time, and some come twice or more.
func arrival(rng *rand.Rand, events []*event.Event) []*event.Event {
	var all []*event.Event
	for _, e := range events {
		for range 1 + rng.IntN(8)/6 + rng.IntN(8)/7 {
			c := *e
			c.Observed = e.Time.Add(time.Duration(rng.Int64N(int64(lateness) + 1)))
			all = append(all, &c)
		}
	}
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	slices.SortStableFunc(all, func(a, b *event.Event) int { return a.Observed.Compare(b.Observed) })
	return all
}

func alertsOf(e *detection.Engine, events []*event.Event) (found []string) {
	var alerts []detection.Alert
	for _, ev := range events {
		alerts = append(alerts, e.Observe(context.Background(), ev)...)
	}
	alerts = append(alerts, e.Advance(events[len(events)-1].Time.Add(time.Hour))...)
	for _, a := range alerts {
		if len(a.Rule.Name) > 1 { // a, b and c match single events
			found = append(found, fmt.Sprintf("%s %s %s", a.Rule.Name, strings.Join(a.Group, "|"), a.Time.Format(time.RFC3339Nano)))
		}
	}
	slices.Sort(found)
	return found
}

// TestAsTheReference: whatever comes, in whatever order and how often, the alerts are those of the naive evaluator.
func TestAsTheReference(t *testing.T) {
	rules := rulesOf(t, "properties.yml")
	raised := map[string]int{}
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		events := stream(rng, 20+rng.IntN(150))
		want := (&reference{events: slices.Clone(events), rules: referenceRules()}).run()
		for range 3 {
			come := arrival(rng, events)
			engine := detection.New(rules, config())
			require.Equal(t, want, alertsOf(engine, come), "seed %d", seed)
			stats := engine.Stats()
			require.EqualValues(t, len(come)-len(events), stats.Duplicates)
			require.Zero(t, stats.Late+stats.Ahead+stats.Forced+stats.Forgotten+stats.Failed)
			require.Empty(t, stats.Evicted)
		}
		for _, alert := range want {
			raised[strings.Fields(alert)[0]]++
		}
	}
	for _, rule := range referenceRules() {
		require.Greater(t, raised[rule.name], 20, "%s was hardly ever raised: it isn't tested", rule.name)
	}
}
