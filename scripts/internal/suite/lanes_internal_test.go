package suite

import (
	"context"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/term"
)

// Steps of two lanes that follow each other run side by side, those of one lane one after the other, and one without a lane alone.
func TestLanes(t *testing.T) {
	progress := term.NewPlainProgress(io.Discard, time.Hour)
	defer progress.Close()
	s := &Suite{Progress: progress}
	var running atomic.Int32
	met := make(chan struct{})
	meet := func(ctx context.Context, _ *Part) error { // ends only when another does the same
		select {
		case met <- struct{}{}:
		case <-met:
		case <-time.After(10 * time.Second):
			return context.DeadlineExceeded
		}
		return nil
	}
	alone := func(_ context.Context, into *Part) error {
		into.Failed = int(running.Add(1)) - 1
		time.Sleep(10 * time.Millisecond)
		running.Add(-1)
		return nil
	}
	parts := s.parts(t.Context(), []step{
		{name: "a", run: alone}, {name: "b", run: alone},
		{name: "c", run: meet, lane: 1}, {name: "d", run: meet, lane: 2}, {name: "e", run: alone, lane: 2}, {name: "f", run: alone, lane: 2},
		{name: "g", run: alone},
	})
	require.Len(t, parts, 7)
	for i, p := range parts {
		require.True(t, p.Passed, p)
		require.Equal(t, string(rune('a'+i)), p.Name)
	}
	ended, stop := context.WithCancel(t.Context())
	stop()
	require.False(t, s.parts(ended, []step{{name: "a", run: alone}})[0].Passed)
}
