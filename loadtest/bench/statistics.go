package bench

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Difference is how much slower a target is than the baseline, in microseconds, with its interval.
type Difference struct {
	Value float64
	Low   float64
	High  float64
}

// Contains tells whether a value lies inside the interval.
func (d Difference) Contains(v float64) bool { return d.Low <= v && v <= d.High }

// resamples of the bootstrap. The seed is fixed: the same samples give the same interval.
const (
	resamples = 2000
	seed      = 20
)

// MedianDifference is the median over rounds of the difference between the blocks' medians. The interval comes from
// a bootstrap over epochs: rounds on the same connections aren't independent of each other.
func MedianDifference(target, baseline Samples, confidence float64) Difference {
	byEpoch := make([][]float64, len(target.Epochs))
	for e := range target.Epochs {
		for r := range target.Epochs[e] {
			byEpoch[e] = append(byEpoch[e], median(target.Epochs[e][r].Took)-median(baseline.Epochs[e][r].Took))
		}
	}
	sorted := newWeighted(byEpoch)
	return bootstrap(len(byEpoch), confidence, func(weight []int) float64 { return sorted.quantile(0.5, weight) })
}

// QuantileDifference is the difference between the quantiles of all requests, its interval bootstrapped over epochs
// that are drawn for both sides together.
func QuantileDifference(q float64, target, baseline Samples, confidence float64) Difference {
	a, b := newWeighted(target.micros()), newWeighted(baseline.micros())
	return bootstrap(len(target.Epochs), confidence, func(weight []int) float64 {
		return a.quantile(q, weight) - b.quantile(q, weight)
	})
}

// Quantile is the one of all requests to a target, in microseconds.
func (s Samples) Quantile(q float64) float64 {
	ones := make([]int, len(s.Epochs))
	for i := range ones {
		ones[i] = 1
	}
	return newWeighted(s.micros()).quantile(q, ones)
}

// Requests is how many requests' latency was taken.
func (s Samples) Requests() (n int) {
	for _, epoch := range s.micros() {
		n += len(epoch)
	}
	return n
}

// CPU is the processor time per request, in microseconds: of each of the target's processes, and last the prober's.
func (s Samples) CPU() []float64 {
	var sums []time.Duration
	requests := 0
	for _, epoch := range s.Epochs {
		for _, round := range epoch {
			if sums == nil {
				sums = make([]time.Duration, len(round.CPU))
			}
			for i, used := range round.CPU {
				sums[i] += used
			}
			requests += round.Requests
		}
	}
	each := make([]float64, len(sums))
	for i, sum := range sums {
		each[i] = micros(sum) / float64(max(requests, 1))
	}
	return each
}

func (s Samples) micros() [][]float64 {
	all := make([][]float64, len(s.Epochs))
	for e, epoch := range s.Epochs {
		for _, round := range epoch {
			for _, took := range round.Took {
				all[e] = append(all[e], micros(took))
			}
		}
	}
	return all
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func median(took []time.Duration) float64 {
	sorted := slices.Sorted(slices.Values(took))
	n := len(sorted)
	return (micros(sorted[(n-1)/2]) + micros(sorted[n/2])) / 2
}

// bootstrap gives a statistic with its percentile interval. A statistic takes how often each of n groups was drawn.
// Groups drawn anew vary less than groups measured anew, the more so the fewer they are: the interval is widened as
// Student's t is wider than the normal distribution (Hesterberg, "What Teachers Should Know About the Bootstrap", 2015: the
// expanded percentile interval).
func bootstrap(n int, confidence float64, statistic func(weight []int) float64) Difference {
	random := rand.New(rand.NewPCG(seed, uint64(n)))
	weight := make([]int, n)
	for i := range weight {
		weight[i] = 1
	}
	d := Difference{Value: statistic(weight)}
	drawn := make([]float64, resamples)
	for i := range drawn {
		clear(weight)
		for range n {
			weight[random.IntN(n)]++
		}
		drawn[i] = statistic(weight)
	}
	slices.Sort(drawn)
	tail := expanded((1-confidence)/2, n)
	d.Low, d.High = drawn[int(tail*(resamples-1))], drawn[int((1-tail)*(resamples-1)+0.5)]
	return d
}

// expanded is the tail to cut off for a tail wanted, with n groups.
func expanded(tail float64, n int) float64 {
	if n < 2 {
		return 0
	}
	z, free := normalQuantile(tail), float64(n-1)
	// Student's t of the same tail: Cornish and Fisher's expansion (Abramowitz and Stegun 26.7.5).
	z2 := z * z
	t := z * (1 + (z2+1)/(4*free) + (5*z2*z2+16*z2+3)/(96*free*free) + (3*z2*z2*z2+19*z2*z2+17*z2-15)/(384*free*free*free))
	return normal(t * math.Sqrt(float64(n)/free))
}

// weighted is values sorted once, each knowing its group: a bootstrap only walks them.
type weighted struct {
	values []float64
	group  []int32
	sizes  []int
}

func newWeighted(groups [][]float64) *weighted {
	type tagged struct {
		value float64
		group int32
	}
	var all []tagged
	w := &weighted{sizes: make([]int, len(groups))}
	for g, values := range groups {
		w.sizes[g] = len(values)
		for _, v := range values {
			all = append(all, tagged{v, int32(g)})
		}
	}
	slices.SortFunc(all, func(a, b tagged) int {
		switch {
		case a.value < b.value:
			return -1
		case a.value > b.value:
			return 1
		}
		return int(a.group - b.group)
	})
	for _, t := range all {
		w.values, w.group = append(w.values, t.value), append(w.group, t.group)
	}
	return w
}

// quantile walks from the nearer end to the value that the share q of the weight doesn't exceed.
func (w *weighted) quantile(q float64, weight []int) float64 {
	total := 0
	for g, size := range w.sizes {
		total += size * weight[g]
	}
	if total == 0 {
		return 0
	}
	rank := int(q*float64(total-1) + 0.5) // how many lie below
	if q > 0.5 {
		above := total - 1 - rank
		for i := len(w.values) - 1; i >= 0; i-- {
			if above -= weight[w.group[i]]; above < 0 {
				return w.values[i]
			}
		}
	}
	for i := range w.values {
		if rank -= weight[w.group[i]]; rank < 0 {
			return w.values[i]
		}
	}
	return w.values[len(w.values)-1]
}
