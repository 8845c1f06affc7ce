package bench

import (
	"cmp"
	"math"
	"slices"
)

// Known is a delay of which the truth is known, by the injector's own clock, and what was made of it, in microseconds.
type Known struct{ Injected, Recovered float64 }

// Right tells whether it came back within 5 us or a tenth, whichever is more.
func (k Known) Right() bool {
	return math.Abs(k.Recovered-k.Injected) <= max(5, k.Injected/10)
}

// Slope is how much of an injected delay comes back: 1 where all does. It is the median of the slopes between any two
// points, each weighing as much as the two are apart (Sievers, "Weighted Rank Statistics for Simple Linear Regression",
// 1978), so that a spoilt point doesn't move it; the interval is bootstrapped over points.
func Slope(points []Known, confidence float64) Difference {
	once := make([]int, len(points))
	for i := range once {
		once[i] = 1
	}
	whole := slopeOf(points, once)
	return bootstrap(len(points), confidence, func(weight []int) float64 {
		if drawn := slopeOf(points, weight); !math.IsNaN(drawn) {
			return drawn
		}
		return whole // all points drawn are at one place
	})
}

func slopeOf(points []Known, weight []int) float64 {
	type slope struct{ value, weight float64 }
	var all []slope
	total := 0.0
	for i, a := range points {
		for j, b := range points[:i] {
			apart := a.Injected - b.Injected
			if w := math.Abs(apart) * float64(weight[i]*weight[j]); w > 0 {
				all = append(all, slope{(a.Recovered - b.Recovered) / apart, w})
				total += w
			}
		}
	}
	slices.SortFunc(all, func(a, b slope) int { return cmp.Compare(a.value, b.value) })
	sum := 0.0
	for _, s := range all {
		if sum += s.weight; sum >= total/2 {
			return s.value
		}
	}
	return math.NaN() // there are no two places
}

// Holm corrects the probabilities of many comparisons, so that the chance of any false alarm among them is that of
// one (Holm, "A Simple Sequentially Rejective Multiple Test Procedure", 1979). The order stays.
func Holm(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	corrected := make([]float64, len(p))
	most := 0.0
	for rank, i := range order {
		most = max(most, min(1, p[i]*float64(len(p)-rank)))
		corrected[i] = most
	}
	return corrected
}

// Bonferroni is the confidence that each of n intervals needs for all of them together to have the one given.
func Bonferroni(confidence float64, n int) float64 { return 1 - (1-confidence)/float64(max(n, 1)) }
