package archive_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/event"
	"redoubt.example/services/sentinel/internal/archive"
)

// store is in memory; it fails as long as it is away.
type store struct {
	mu   sync.Mutex
	away bool
	ids  []string
}

func (s *store) AddEvents(_ context.Context, events []*event.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away {
		return errors.New("away")
	}
	for _, e := range events {
		s.ids = append(s.ids, e.ID)
	}
	return nil
}

func (s *store) set(away bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = away
}

func batch(from, n int) (events []*event.Event) {
	for i := range n {
		events = append(events, &event.Event{ID: fmt.Sprint(from + i), Observed: time.Now()})
	}
	return events
}

// TestWithoutItsStore: what comes meanwhile is kept up to the limit, stored later in order, and what didn't fit is counted.
func TestWithoutItsStore(t *testing.T) {
	s := &store{away: true}
	a := archive.New(s, 10)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	a.Keep(batch(0, 8))
	a.Keep(batch(8, 8))
	require.Equal(t, 10, a.Waiting())
	require.Eventually(t, func() bool { return a.Lag(time.Now()) > 0 }, time.Second, time.Millisecond)
	s.set(false)
	require.Eventually(t, func() bool { return a.Waiting() == 0 }, 5*time.Second, time.Millisecond)
	require.Zero(t, a.Lag(time.Now()))
	stored, lost := a.Counts()
	require.Equal(t, []uint64{10, 6}, []uint64{stored, lost})
	a.Keep(batch(16, 1))
	stop()
	require.NoError(t, <-ended)
	require.Equal(t, []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "16"}, s.ids, "what waits at the end is stored, too")
}
