package anomaly

import (
	"math"
	"slices"
)

// What is unusual is judged on scales on which a count, a share and a volume each have the same spread whatever their size:
// Anscombe's square root for counts and arcsine for shares (Biometrika 35, 1948: variance 1 for Poisson and binomial variables),
// the logarithm for volumes. There, the usual is the median of past windows and the spread 1.4826 times the median absolute
// deviation, which estimates a standard deviation and is moved by less than half of the windows by no amount (Rousseeuw and
// Croux, Journal of the American Statistical Association 88, 1993). The spread is never less than what chance alone makes of it:
// requests that come independently of each other are Poisson; and never more than thrice that, so that nobody hides behind restlessness.

const leastSpread, mostSpread = 1, 3

func within(spread float64) float64 { return min(max(spread, leastSpread), mostSpread) }

// countScore is by how many standard deviations a count is above what is expected.
func countScore(count int, expected, spread float64) float64 {
	return 2 * (math.Sqrt(float64(count)+3./8) - math.Sqrt(expected+3./8)) / within(spread)
}

// countAt is the count with a score: where what is usual ends.
func countAt(score, expected, spread float64) float64 {
	root := math.Sqrt(expected+3./8) + score*within(spread)/2
	return root*root - 3./8
}

// shareScore is by how many standard deviations the share of some among all is above the usual one.
func shareScore(some, all int, usual, spread float64) float64 {
	n := float64(all)
	share := (float64(some) + 3./8) / (n + 3./4)
	return 2 * math.Sqrt(n+0.5) * (math.Asin(math.Sqrt(share)) - math.Asin(math.Sqrt(usual))) / within(spread)
}

// leastLogSpread: answers of one route differ in length by half as a matter of course.
const leastLogSpread = 0.5

// volumeScore is by how many standard deviations the bytes of a call are above the usual ones.
func volumeScore(bytes, usual, spread float64) float64 {
	return (math.Log1p(bytes) - math.Log1p(usual)) / min(max(spread, leastLogSpread), mostSpread*leastLogSpread)
}

// history is the last values of something, as many as it has room for; the oldest goes first.
type history struct {
	values []float64
	next   int
}

// remembered is how many windows a baseline is made of: ten minutes in use.
const remembered = 60

func (h *history) add(v float64) {
	if len(h.values) < remembered {
		h.values = append(h.values, v)
		return
	}
	h.values[h.next] = v
	h.next = (h.next + 1) % remembered
}

// median returns otherwise where there is no value yet.
func (h *history) median(otherwise float64) float64 {
	if len(h.values) == 0 {
		return otherwise
	}
	return median(slices.Clone(h.values))
}

// spread is 1.4826 times the median absolute deviation; 0 as long as that could be anything.
func (h *history) spread() float64 {
	if len(h.values) < remembered/4 {
		return 0
	}
	middle := h.median(0)
	off := make([]float64, len(h.values))
	for i, v := range h.values {
		off[i] = math.Abs(v - middle)
	}
	return 1.4826 * median(off)
}

// median sorts its argument.
func median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}
