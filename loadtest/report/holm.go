package report

import (
	"cmp"
	"math"
	"slices"
)

// z95 is the normal distribution's quantile that a two-sided 95 % interval reaches to.
const z95 = 1.959963984540054

// Judge tells which measures got worse beyond their tolerance. For each it tests the hypothesis that the difference
// is within the tolerance, from the lower side of its interval, and corrects for the number of measures by Holm's
// step-down procedure (1979), which assumes nothing about how they depend on each other.
func Judge(measures []Measure, t Tolerance) []Judged {
	judged := make([]Judged, len(measures))
	order := make([]int, len(measures))
	for i, m := range measures {
		judged[i] = Judged{Measure: m, Tolerance: t.of(m.Was)}
		judged[i].P = exceeds(m, judged[i].Tolerance)
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(judged[a].P, judged[b].P) })
	highest := 0.0
	for rank, i := range order {
		highest = max(highest, min(1, judged[i].P*float64(len(order)-rank)))
		judged[i].P = highest
		judged[i].Regressed = highest < 1-Confidence
	}
	return judged
}

// exceeds is the chance of a difference at least this large if the true one were the tolerance.
func exceeds(m Measure, tolerance float64) float64 {
	deviation := (m.Diff - m.CI95[0]) / z95
	if deviation <= 0 { // an interval that doesn't hold its own estimate: take its width
		deviation = (m.CI95[1] - m.CI95[0]) / (2 * z95)
	}
	return math.Erfc((m.Diff-tolerance)/deviation/math.Sqrt2) / 2
}
