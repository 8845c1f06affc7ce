package stream_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/alert"
	"redoubt.example/services/platform/event"
	"redoubt.example/services/sentinel/internal/stream"
)

// observer raises an alert for each event, and one when it is later.
type observer struct{ late bool }

func (o *observer) Observe(_ context.Context, e *event.Event) []alert.Alert {
	return []alert.Alert{{Rule: e.ID}}
}

func (o *observer) Advance(time.Time) []alert.Alert {
	if o.late {
		return nil
	}
	o.late = true
	return []alert.Alert{{Rule: "late"}}
}

func batch(ids ...string) (events []*event.Event) {
	for _, id := range ids {
		events = append(events, &event.Event{ID: id})
	}
	return events
}

func TestStream(t *testing.T) {
	raised, kept := make(chan string, 10), make(chan int, 10)
	s := stream.New(stream.Config{Observers: []stream.Observer{&observer{}}, Most: 3, Tick: time.Hour,
		Raise: func(a alert.Alert) { raised <- a.Rule }, Keep: func(events []*event.Event) { kept <- len(events) }})
	require.True(t, s.Offer(batch("a", "b")))
	require.False(t, s.Offer(batch("c", "d")), "there is room for one")
	require.True(t, s.Offer(batch("e")))
	taken, refused, waiting := s.Counts()
	require.Equal(t, []uint64{3, 2, 3}, []uint64{taken, refused, uint64(waiting)})

	ctx, stop := context.WithCancel(t.Context())
	stop()
	require.NoError(t, s.Run(ctx), "what waits when all ends is looked at")
	close(raised)
	close(kept)
	var rules []string
	for r := range raised {
		rules = append(rules, r)
	}
	require.Equal(t, []string{"a", "b", "e"}, rules)
	require.Equal(t, 2, <-kept)
	require.Equal(t, 1, <-kept)
	_, _, waiting = s.Counts()
	require.Zero(t, waiting)
}

func TestTimePassesWithoutEvents(t *testing.T) {
	raised := make(chan string, 1)
	s := stream.New(stream.Config{Observers: []stream.Observer{&observer{}}, Most: 3, Tick: time.Millisecond,
		Raise: func(a alert.Alert) { raised <- a.Rule }, Keep: func([]*event.Event) {}})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	require.Equal(t, "late", <-raised)
	stop()
	require.NoError(t, <-ended)
}
