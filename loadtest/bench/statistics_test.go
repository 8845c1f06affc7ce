package bench_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/loadtest/bench"
)

// drawn makes samples around a median, with a load that drifts over the epochs and meets both sides.
func drawn(random *rand.Rand, drift []float64, median float64) bench.Samples {
	var s bench.Samples
	for _, d := range drift {
		var rounds []bench.Round
		for range 6 {
			var r bench.Round
			for range 15 {
				r.Took = append(r.Took, time.Duration((median+d+random.ExpFloat64()*10)*1000))
			}
			r.Requests = len(r.Took)
			rounds = append(rounds, r)
		}
		s.Epochs = append(s.Epochs, rounds)
	}
	return s
}

// A 95 % interval holds the truth in about 95 of 100 runs, however the machine drifts; and pairing is why: the same
// samples with the pairs mixed up don't see a difference of 2 us in a drift of 50.
func TestIntervalsHoldTheTruth(t *testing.T) {
	const runs, truth = 300, 2.0
	random := rand.New(rand.NewPCG(3, 3))
	held, found, foundUnpaired := 0, 0, 0
	for range runs {
		drift := make([]float64, 24)
		for i := range drift {
			drift[i] = random.Float64() * 50
		}
		base, slow := drawn(random, drift, 100), drawn(random, drift, 100+truth)
		d := bench.MedianDifference(slow, base, 0.95)
		if d.Contains(truth) {
			held++
		}
		if d.Low > 0 {
			found++
		}
		random.Shuffle(len(base.Epochs), func(i, j int) { base.Epochs[i], base.Epochs[j] = base.Epochs[j], base.Epochs[i] })
		if bench.MedianDifference(slow, base, 0.95).Low > 0 {
			foundUnpaired++
		}
	}
	t.Logf("held in %d, found in %d, unpaired in %d of %d", held, found, foundUnpaired, runs)
	require.InDelta(t, 0.95, float64(held)/runs, 0.04)
	require.Greater(t, found, runs*95/100)
	require.Less(t, foundUnpaired, runs/4)
}

func TestQuantiles(t *testing.T) {
	var s bench.Samples
	for epoch := range 10 {
		var r bench.Round
		for i := range 100 {
			r.Took = append(r.Took, time.Duration(epoch*100+i)*time.Microsecond)
		}
		s.Epochs = append(s.Epochs, []bench.Round{r})
	}
	for q, want := range map[float64]float64{0: 0, 0.25: 250, 0.5: 500, 0.99: 989, 1: 999} {
		require.InDelta(t, want, s.Quantile(q), 1, "%v", q)
	}
	require.Equal(t, 1000, s.Requests())
}

func TestSameSamplesSameInterval(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 5))
	drift := make([]float64, 12)
	a, b := drawn(random, drift, 10), drawn(random, drift, 12)
	require.Equal(t, bench.MedianDifference(a, b, 0.95), bench.MedianDifference(a, b, 0.95))
	require.Equal(t, bench.QuantileDifference(0.99, a, b, 0.95), bench.QuantileDifference(0.99, a, b, 0.95))
}

func TestProcessorTimePerRequest(t *testing.T) {
	s := bench.Samples{Epochs: [][]bench.Round{
		{{CPU: []time.Duration{20 * time.Microsecond, 100 * time.Microsecond}, Requests: 2}},
		{{CPU: []time.Duration{40 * time.Microsecond, 200 * time.Microsecond}, Requests: 4}},
	}}
	require.InDeltaSlice(t, []float64{10, 50}, s.CPU(), 1e-9)
}
