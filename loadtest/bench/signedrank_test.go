package bench_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/loadtest/bench"
)

// Values that textbooks print: R's wilcox.test(x, conf.int = TRUE) of Hollander & Wolfe's depression data, which is
// x - y of nine patients.
func TestSignedRankAsR(t *testing.T) {
	x := []float64{1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30}
	y := []float64{0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29}
	var d []float64
	for i := range x {
		d = append(d, x[i]-y[i])
	}
	require.InDelta(t, 0.03906, bench.SignedRank(d), 1e-5)
	found := bench.PairedMedian(d, 0.9609375) // a level that nine differences can have
	require.InDelta(t, 0.46, found.Value, 1e-9)
	require.InDelta(t, 0.010, found.Low, 1e-9)
	require.InDelta(t, 0.786, found.High, 1e-9)
}

func TestPairedMedian(t *testing.T) {
	zeros := bench.PairedMedian(make([]float64, 40), 0.999)
	require.Equal(t, bench.Difference{}, zeros, "what never differs doesn't differ")
	require.InDelta(t, 1, bench.SignedRank(make([]float64, 40)), 0)
	mostly := append(make([]float64, 60), -3, 5, -1, 2)
	require.True(t, bench.PairedMedian(mostly, 0.95).Contains(0))

	few := bench.PairedMedian([]float64{1, 2, 3, 4, 5}, 0.95)
	require.True(t, math.IsInf(few.Low, -1) && math.IsInf(few.High, 1), "five differences can't be sure of anything")
	none := bench.PairedMedian(nil, 0.95)
	require.True(t, math.IsInf(none.High, 1))

	random := rand.New(rand.NewPCG(2, 2))
	for _, n := range []int{12, 59, 60, 61, 300} {
		var d []float64
		for range n {
			d = append(d, 7+random.NormFloat64())
		}
		narrow, wide := bench.PairedMedian(d, 0.95), bench.PairedMedian(d, 0.999)
		require.Less(t, wide.Low, narrow.Low, n)
		require.Less(t, narrow.High, wide.High, n)
		require.True(t, narrow.Low < narrow.Value && narrow.Value < narrow.High, n)
		require.InDelta(t, 7, narrow.Value, 5/math.Sqrt(float64(n)), n)
		// The interval and the test are one: what lies on its edge has the p that it was made for.
		moved := make([]float64, n)
		for i := range d {
			moved[i] = d[i] - narrow.High
		}
		require.InDelta(t, 0.05, bench.SignedRank(moved), 0.01, n)
	}
}
