package bench_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/loadtest/bench"
)

// noisy are two stacks that answer at once and say that they took 1 ms, give or take; the second takes 50 us more.
func noisy(seed uint64) []bench.Stack {
	random := rand.New(rand.NewPCG(seed, 1))
	one := func(more float64) func(context.Context) (bench.Observation, error) {
		return func(context.Context) (bench.Observation, error) {
			us := 1000 + more + 40*random.NormFloat64()
			return bench.Observation{Total: time.Duration(us * float64(time.Microsecond))}, nil
		}
	}
	return []bench.Stack{{Name: "before", Request: one(0)}, {Name: "after", Request: one(50)}}
}

func TestComparisonStopsWhenNarrow(t *testing.T) {
	const reach = 4.0
	for seed := range uint64(20) {
		found, err := bench.Comparison{Stacks: noisy(seed), For: time.Minute, Seed: seed, Narrow: reach}.Run(t.Context())
		require.NoError(t, err)
		require.Equal(t, bench.StoppedNarrow, found.Stopped)
		require.Less(t, found.Took, time.Minute)
		d := found.Median(1, 0.95)
		require.LessOrEqual(t, max(d.High-d.Value, d.Value-d.Low), reach)
		require.InDelta(t, 50, d.Value, 3*reach, "stopping early doesn't make it wrong")
	}
}

func TestComparisonStopsWhenTheTimeIsUp(t *testing.T) {
	for name, narrow := range map[string]float64{"never narrow enough": 0.001, "the whole time is wanted": 0} {
		found, err := bench.Comparison{Stacks: noisy(1), For: 20 * time.Millisecond, Narrow: narrow}.Run(t.Context())
		require.NoError(t, err)
		require.Equal(t, bench.StoppedTime, found.Stopped, name)
		require.GreaterOrEqual(t, found.Took, 20*time.Millisecond, name)
	}
}
