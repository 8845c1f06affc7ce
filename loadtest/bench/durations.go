package bench

import (
	"slices"
	"time"
)

// QuantileOf is the quantile of some durations, in microseconds; 0 of none.
func QuantileOf(q float64, took []time.Duration) float64 {
	if len(took) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(took))
	return micros(sorted[int(q*float64(len(sorted)-1)+0.5)])
}
