package detection_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/event"
	"redoubt.example/services/sentinel/internal/detection"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// act is an event of a caller's, some seconds after noon.
func act(action, caller string, seconds float64) *event.Event {
	at := noon.Add(time.Duration(seconds * float64(time.Second)))
	return &event.Event{ID: fmt.Sprintf("%s-%s-%g", action, caller, seconds), Time: at, Observed: at, Fields: map[string]any{
		event.Dataset: event.Lifecycle, event.Service: "payments", event.Action: action, event.Caller: caller}}
}

// three is a rule for three events within ten seconds, by caller; the events alone raise no alert.
const three = `
title: Action
id: 00000000-0000-4000-8000-000000000001
name: a
logsource: {product: redoubt, category: lifecycle}
detection:
  selection: {event.action: a}
  condition: selection
---
title: Three
id: 00000000-0000-4000-8000-000000000002
correlation:
  type: event_count
  rules: [a]
  group-by: [service.origin.name]
  timespan: 10s
  condition: {gte: 3}
level: high
`

func engine(t *testing.T, change func(*detection.Config)) *detection.Engine {
	t.Helper()
	rules, err := detection.Parse([]byte(three))
	require.NoError(t, err)
	cfg := detection.Defaults()
	if change != nil {
		change(&cfg)
	}
	return detection.New(rules, cfg)
}

func observe(e *detection.Engine, events ...*event.Event) (alerts []detection.Alert) {
	for _, ev := range events {
		alerts = append(alerts, e.Observe(context.Background(), ev)...)
	}
	return alerts
}

func TestAlert(t *testing.T) {
	e := engine(t, nil)
	require.Empty(t, observe(e, act("a", "x", 0), act("a", "y", 1), act("a", "x", 2), act("a", "x", 3)))
	require.Empty(t, e.Advance(noon.Add(3500*time.Millisecond)), "an earlier one can still come")
	alerts := e.Advance(noon.Add(3501 * time.Millisecond))
	require.Len(t, alerts, 1)
	a := alerts[0]
	require.Equal(t, "Three", a.Rule.Title)
	require.Equal(t, "high", a.Rule.Level)
	require.Equal(t, []string{"x"}, a.Group)
	require.Equal(t, 3, a.Count)
	require.Equal(t, "a-x-3", a.Event.ID)
	require.Equal(t, noon.Add(3*time.Second), a.Time)
}

// TestOneAlertATimespan: who goes on isn't reported for each event.
func TestOneAlertATimespan(t *testing.T) {
	e := engine(t, nil)
	var alerts []detection.Alert
	for i := range 250 {
		alerts = append(alerts, observe(e, act("a", "x", float64(i)/10))...)
	}
	alerts = append(alerts, e.Advance(noon.Add(time.Hour))...)
	require.Len(t, alerts, 3)
	require.Equal(t, 10*time.Second, alerts[1].Time.Sub(alerts[0].Time))
}

func TestLateAndFromTheFuture(t *testing.T) {
	e := engine(t, nil)
	late := act("a", "x", 4)
	late.Observed = noon.Add(6 * time.Second)
	observe(e, act("a", "x", 5), act("a", "x", 6), late)
	require.Empty(t, e.Advance(noon.Add(time.Minute)))
	require.EqualValues(t, 1, e.Stats().Late)

	// A clock that is far ahead moves nobody else's: the next events aren't late by it, and it counts as of when it came.
	e = engine(t, nil)
	ahead := act("a", "x", 3600)
	ahead.Observed = noon
	observe(e, ahead, act("a", "x", 1), act("a", "x", 2))
	require.Len(t, e.Advance(noon.Add(time.Minute)), 1)
	require.EqualValues(t, 1, e.Stats().Ahead)
	require.Zero(t, e.Stats().Late)
}

// TestIDsAreEachReportersOwn: a service that was taken over can't have another's events taken for duplicates.
func TestIDsAreEachReportersOwn(t *testing.T) {
	e := engine(t, nil)
	var alerts []detection.Alert
	for i := range 3 {
		real := act("a", "x", float64(i))
		forged := act("b", "x", float64(i))
		forged.ID, forged.Fields[event.Service] = real.ID, "notification"
		alerts = append(alerts, observe(e, forged, real, real)...)
	}
	require.Len(t, append(alerts, e.Advance(noon.Add(time.Minute))...), 1)
	require.EqualValues(t, 3, e.Stats().Duplicates)
}

// TestMemoryIsBounded, whatever comes; and what had to go for it is counted.
func TestMemoryIsBounded(t *testing.T) {
	e := engine(t, func(c *detection.Config) { c.MaxGroups, c.MaxPending, c.MaxIDs = 100, 50, 1000 })
	for i := range 20_000 {
		observe(e, act("a", fmt.Sprint(i), float64(i)/10_000))
	}
	e.Advance(noon.Add(5 * time.Second))
	s := e.Stats()
	require.EqualValues(t, 20_000, s.Events)
	require.Positive(t, s.Forced)
	require.Positive(t, s.Forgotten)
	require.EqualValues(t, 20_000-100, s.Evicted["00000000-0000-4000-8000-000000000002"])
	groups, pending, ids := e.Holds()
	require.Equal(t, 100, groups)
	require.Zero(t, pending)
	require.LessOrEqual(t, ids, 1000)

	// Those that are over go by themselves.
	e.Advance(noon.Add(time.Minute))
	groups, _, _ = e.Holds()
	require.Zero(t, groups)
}

// TestOneEventIsNotTwo: an event that two rules match is one event in a count, and one step of a chain.
func TestOneEventIsNotTwo(t *testing.T) {
	const any = `
title: Any
id: 00000000-0000-4000-8000-000000000003
name: any
logsource: {product: redoubt, category: lifecycle}
detection:
  selection: {event.action: [a, b]}
  condition: selection
---
`
	for _, c := range []struct{ kind, condition string }{{"event_count", "condition: {gte: 2}"}, {"temporal_ordered", ""}} {
		doc := any + strings.NewReplacer("event_count", c.kind, "rules: [a]", "rules: [a, any]", "condition: {gte: 3}", c.condition).Replace(three)
		rules, err := detection.Parse([]byte(doc))
		require.NoError(t, err)
		e := detection.New(rules, detection.Defaults())
		observe(e, act("a", "x", 0), act("a", "y", 0))
		require.Empty(t, e.Advance(noon.Add(2*time.Second)), c.kind)
		observe(e, act("a", "x", 3))
		require.Len(t, e.Advance(noon.Add(time.Minute)), 1, c.kind)
	}
}

func TestWithoutAFieldNobodyIsGrouped(t *testing.T) {
	e := engine(t, nil)
	for i := range 5 {
		ev := act("a", "", float64(i))
		delete(ev.Fields, event.Caller)
		observe(e, ev)
	}
	require.Empty(t, e.Advance(noon.Add(time.Minute)))
	require.EqualValues(t, 5, e.Stats().Ungrouped["00000000-0000-4000-8000-000000000002"])
}
