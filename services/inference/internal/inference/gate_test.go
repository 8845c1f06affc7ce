package inference_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/inference/internal/inference"
	"redoubt.example/services/platform/fault"
)

func TestGateRefusesBeyondItsQueue(t *testing.T) {
	gate := inference.NewGate(1, 2)
	var leave func()
	for range 3 {
		l, err := gate.Enter()
		require.NoError(t, err)
		leave = l
	}
	_, err := gate.Enter()
	require.Equal(t, fault.Unavailable, fault.KindOf(err))
	require.Positive(t, fault.RetryDelay(err))
	leave()
	_, err = gate.Enter()
	require.NoError(t, err)
}

func TestGateWaitsNoLongerThanItsCaller(t *testing.T) {
	gate := inference.NewGate(1, 1)
	busy, done := make(chan struct{}), make(chan struct{})
	go func() { _ = gate.Compute(context.Background(), func() error { close(busy); <-done; return nil }) }()
	<-busy
	defer close(done)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := gate.Compute(ctx, func() error { t.Error("ran"); return nil })
	require.Equal(t, fault.Canceled, fault.KindOf(err))
}

func TestGateBoundsWhatRuns(t *testing.T) {
	const running = 3
	gate := inference.NewGate(running, 100)
	var now, most atomic.Int64
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			err := gate.Compute(context.Background(), func() error {
				n := now.Add(1)
				for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
				}
				now.Add(-1)
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.LessOrEqual(t, most.Load(), int64(running))
}
