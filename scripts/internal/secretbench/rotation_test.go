package secretbench_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/secretbench"
)

// A rotation that holds requests up is seen, and none reaches into a block without one.
func TestRotations(t *testing.T) {
	var late, asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		time.Sleep(time.Millisecond + time.Duration(late.Load())) // what the rotation costs
	}))
	defer server.Close()
	s, err := secretbench.Rotations{
		Client: server.Client(), URL: server.URL, Count: 5, PerSecond: 40, Block: 250 * time.Millisecond,
		Token:   func() (string, error) { return "t", nil },
		Rotate:  func(context.Context) error { late.Store(int64(500 * time.Millisecond)); return nil },
		Settled: func(context.Context) (bool, error) { late.Store(0); return asked.Add(1)%2 == 0, nil },
	}.Measure(t.Context(), func(string) {})
	require.NoError(t, err)
	require.Equal(t, 5, s.Rotations)
	require.Equal(t, 100, s.Requests)
	require.Zero(t, s.Failed)
	require.EqualValues(t, 20, asked.Load(), "after each block, until it is settled")
	require.Equal(t, secretbench.Above, s.Verdict(), "%+v", s)
}

func TestVerdict(t *testing.T) {
	for want, interval := range map[string][2]float64{secretbench.Within: {0.9, 1.19}, secretbench.Above: {1.21, 3}, secretbench.Undecided: {1.1, 1.3}} {
		require.Equal(t, want, secretbench.Spike{RatioLow: interval[0], RatioHigh: interval[1], P99RatioMax: 1.2}.Verdict())
	}
}
