package alerts_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/alert"
	"redoubt.example/services/platform/event"
	"redoubt.example/services/sentinel/internal/alerts"
)

// always raises an alert about each event's caller.
type always struct{}

func (always) Observe(_ context.Context, e *event.Event) []alert.Alert {
	return []alert.Alert{{Rule: "flood", First: e.Time, Time: e.Time, Count: 1, Subject: alert.Subject{Caller: e.Text(event.Caller), RequestID: e.ID}}}
}

func (always) Advance(time.Time) []alert.Alert { return nil }

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func of(caller string, n int) *event.Event {
	at := noon.Add(time.Duration(n) * time.Millisecond)
	return &event.Event{ID: fmt.Sprint(n), Time: at, Observed: at, Fields: map[string]any{event.Caller: caller}}
}

// TestManyAlertsOfOneAreFew: none of what they count is lost, and nobody else's waits for them.
func TestManyAlertsOfOneAreFew(t *testing.T) {
	d := alerts.NewDamper(always{})
	var raised []alert.Alert
	for n := range 10_000 { // ten seconds
		raised = append(raised, d.Observe(t.Context(), of("notification", n))...)
		if n%50 == 0 {
			raised = append(raised, d.Advance(noon.Add(time.Duration(n)*time.Millisecond))...)
		}
	}
	require.InDelta(t, 30, len(raised), 2)
	other := d.Observe(t.Context(), of("payments", 10_000))
	require.Len(t, other, 1)
	raised = append(raised, d.Advance(noon.Add(time.Minute))...)
	count := 0
	for _, a := range raised {
		require.Equal(t, "notification", a.Subject.Caller)
		count += a.Count
	}
	require.Equal(t, 10_000, count)
	last := raised[len(raised)-1]
	require.True(t, last.First.Before(last.Time))
	require.Empty(t, d.Advance(noon.Add(2*time.Minute)), "each is raised once")
}

// TestManySubjectsAreBounded: whoever makes them up gets no memory for them, and is still reported.
func TestManySubjectsAreBounded(t *testing.T) {
	d := alerts.NewDamper(always{})
	raised := 0
	for n := range 30_000 {
		e := of(fmt.Sprint("x", n), 0)
		raised += len(d.Observe(t.Context(), e))
	}
	require.Equal(t, 10_000+20, raised)
}
