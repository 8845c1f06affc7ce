package bench_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/loadtest/bench"
)

func TestSlope(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 9))
	points := func(slope float64) (all []bench.Known) {
		for range 5 {
			for _, x := range []float64{5, 20, 100} {
				all = append(all, bench.Known{Injected: x, Recovered: 0.4 + slope*x + random.NormFloat64()*0.3})
			}
		}
		return all
	}
	for _, slope := range []float64{0.8, 1, 1.2} {
		found := bench.Slope(points(slope), 0.99)
		require.InDelta(t, slope, found.Value, 0.01)
		require.True(t, found.Contains(slope), found)
		require.False(t, found.Contains(slope+0.1), found)
	}
	spoilt := points(1)
	spoilt[2].Recovered, spoilt[7].Recovered = 900, -50
	require.InDelta(t, 1, bench.Slope(spoilt, 0.95).Value, 0.05, "two spoilt points don't move it")
}

func TestKnownRight(t *testing.T) {
	for known, right := range map[bench.Known]bool{
		{Injected: 5, Recovered: 9.9}: true, {Injected: 5, Recovered: -0.1}: false, {Injected: 5, Recovered: 10.1}: false,
		{Injected: 100, Recovered: 109}: true, {Injected: 100, Recovered: 89}: false,
	} {
		require.Equal(t, right, known.Right(), known)
	}
}

// Values of R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm").
func TestHolm(t *testing.T) {
	require.InDeltaSlice(t, []float64{0.03, 0.06, 0.06, 0.02}, bench.Holm([]float64{0.01, 0.04, 0.03, 0.005}), 1e-12)
	require.InDeltaSlice(t, []float64{1, 1}, bench.Holm([]float64{0.9, 0.6}), 1e-12)
	require.Empty(t, bench.Holm(nil))
	require.InDelta(t, 0.995, bench.Bonferroni(0.95, 10), 1e-12)
}

func TestSaturation(t *testing.T) {
	for name, c := range map[string]struct{ limit, want, within float64 }{
		"found": {777, 777, 40}, "not even the first": {5, 0, 0}, "all of them": {1e9, 5000, 0},
	} {
		t.Run(name, func(t *testing.T) {
			rate, steps, err := bench.Saturation(t.Context(), 10, 5000, func(_ context.Context, rate float64) (bool, error) { return rate <= c.limit, nil })
			require.NoError(t, err)
			require.InDelta(t, c.want, rate, c.within)
			require.LessOrEqual(t, rate, c.limit, "it was kept up with")
			require.Less(t, len(steps), 30)
		})
	}
	broken := errors.New("broken")
	_, _, err := bench.Saturation(t.Context(), 10, 100, func(context.Context, float64) (bool, error) { return false, broken })
	require.ErrorIs(t, err, broken)
}

// Everybody who came while the service stood still has waited; a sender that waits with them doesn't see it. The times
// are lower bounds: a busy machine only adds to them.
func TestOpenLoop(t *testing.T) {
	const stands = 300 * time.Millisecond
	began := time.Now()
	stopped := func(context.Context) error { time.Sleep(time.Until(began.Add(stands))); return nil }
	seen, err := bench.OpenLoop{Request: stopped, Rate: 200, For: stands, InFlight: 100}.Run(t.Context())
	require.NoError(t, err)
	require.Len(t, seen.Took, 60)
	require.GreaterOrEqual(t, bench.QuantileOf(0.5, seen.Took), 100_000.0, "half of them waited for half of it or more")

	began = time.Now()
	seen, err = bench.OpenLoop{Request: stopped, Rate: 200, For: stands + 100*time.Millisecond, Omit: true}.Run(t.Context())
	require.NoError(t, err)
	require.Less(t, len(seen.Took), 60, "it hardly asked meanwhile")

	began = time.Now()
	_, err = bench.OpenLoop{Request: stopped, Rate: 200, For: stands, InFlight: 3}.Run(t.Context())
	require.ErrorIs(t, err, bench.ErrDropped)
	broken := errors.New("broken")
	_, err = bench.OpenLoop{Request: func(context.Context) error { return broken }, Rate: 100, For: 100 * time.Millisecond, InFlight: 3}.Run(t.Context())
	require.ErrorIs(t, err, broken)
}
