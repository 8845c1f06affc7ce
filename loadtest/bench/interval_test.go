package bench_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/loadtest/bench"
)

// TestQuantileInterval: the truth lies within, more groups narrow the interval, and groups that differ widen it.
func TestQuantileInterval(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	draw := func(groups int, apart float64) [][]float64 {
		all := make([][]float64, groups)
		for g := range all {
			shift := apart * random.NormFloat64()
			for range 50 {
				all[g] = append(all[g], 100+shift+random.NormFloat64())
			}
		}
		return all
	}
	few, many := bench.QuantileInterval(draw(8, 0), 0.5, 0.95), bench.QuantileInterval(draw(200, 0), 0.5, 0.95)
	require.True(t, few.Contains(100), "%v", few)
	require.True(t, many.Contains(100), "%v", many)
	require.Less(t, many.High-many.Low, few.High-few.Low)
	apart := bench.QuantileInterval(draw(200, 5), 0.5, 0.95)
	require.Greater(t, apart.High-apart.Low, 3*(many.High-many.Low))
}
