package bench

import (
	"math"
	"slices"
)

// PairedMedian is the Hodges-Lehmann estimate of the middle of some differences, with the interval that inverts
// Wilcoxon's signed-rank test: order statistics of the averages of any two differences. Where nothing differs and the
// order within each pair was drawn at random, its coverage is exact, whatever the noise: drift, heavy tails and
// requests that depend on each other only decide how wide it is. Too few differences for the confidence give an
// infinite interval.
func PairedMedian(differences []float64, confidence float64) Difference {
	n := len(differences)
	if n == 0 {
		return Difference{Low: math.Inf(-1), High: math.Inf(1)}
	}
	w := walsh(slices.Sorted(slices.Values(differences)))
	total := n * (n + 1) / 2
	d := Difference{Value: (w.at((total-1)/2) + w.at(total/2)) / 2}
	k := rankBound(n, (1-confidence)/2)
	if k <= 0 {
		d.Low, d.High = math.Inf(-1), math.Inf(1)
		return d
	}
	// k isn't whole: between two levels that the test can have, the interval is between theirs, too.
	below, part := int(k)-1, k-math.Floor(k)
	d.Low, d.High = w.at(below), w.at(total-1-below)
	if part > 0 {
		d.Low += part * (w.at(below+1) - d.Low)
		d.High += part * (w.at(total-2-below) - d.High)
	}
	return d
}

// SignedRank is Wilcoxon's two-sided p: how probable ranks as uneven as these are where nothing differs. Differences of
// zero say nothing and don't count.
func SignedRank(differences []float64) float64 {
	type ranked struct {
		size     float64
		positive bool
	}
	var all []ranked
	for _, d := range differences {
		if d != 0 {
			all = append(all, ranked{math.Abs(d), d > 0})
		}
	}
	n := len(all)
	if n == 0 {
		return 1
	}
	slices.SortFunc(all, func(a, b ranked) int {
		switch {
		case a.size < b.size:
			return -1
		case a.size > b.size:
			return 1
		}
		return 0
	})
	sum := 0.0
	for i := 0; i < n; {
		j := i
		for j < n && all[j].size == all[i].size {
			j++
		}
		for k := i; k < j; k++ { // equal ones share their ranks
			if all[k].positive {
				sum += float64(i+1+j) / 2
			}
		}
		i = j
	}
	total := float64(n*(n+1)) / 2
	return min(1, 2*rankTail(n, math.Floor(min(sum, total-sum))))
}

// exactRanks is up to how many differences the distribution of the rank sum is counted; the normal one does beyond.
const exactRanks = 60

// rankTail is the probability of a rank sum of at most t.
func rankTail(n int, t float64) float64 {
	if n <= exactRanks {
		return cumulative(n)[max(0, min(int(t), n*(n+1)/2))]
	}
	mean, deviation := rankMoments(n)
	return normal((t + 0.5 - mean) / deviation)
}

// rankBound is the number of averages to leave out on each side, so that a share tail of the rank sums is left out;
// 0 or less where n is too small for that.
func rankBound(n int, tail float64) float64 {
	if n > exactRanks {
		mean, deviation := rankMoments(n)
		return mean + 0.5 + deviation*normalQuantile(tail)
	}
	sums := cumulative(n)
	k := 0
	for sums[k] <= tail {
		k++
	}
	if k == 0 {
		return 0
	}
	return float64(k) + (tail-sums[k-1])/(sums[k]-sums[k-1])
}

func rankMoments(n int) (mean, deviation float64) {
	f := float64(n)
	return f * (f + 1) / 4, math.Sqrt(f * (f + 1) * (2*f + 1) / 24)
}

// cumulative is the distribution of the rank sum of n differences without a direction: by sum, the probability of
// that or less.
func cumulative(n int) []float64 {
	p := make([]float64, n*(n+1)/2+1)
	p[0] = 1
	for rank, reach := 1, 0; rank <= n; rank++ {
		reach += rank
		for sum := reach; sum >= 0; sum-- {
			p[sum] /= 2
			if sum >= rank {
				p[sum] += p[sum-rank] / 2
			}
		}
	}
	for i := 1; i < len(p); i++ {
		p[i] += p[i-1]
	}
	return p
}

func normal(z float64) float64         { return math.Erfc(-z/math.Sqrt2) / 2 }
func normalQuantile(p float64) float64 { return -math.Sqrt2 * math.Erfcinv(2*p) }

// walsh are the averages of any two of some sorted values, each with itself too. There may be millions of them, so
// that they are never listed.
type walsh []float64

// at is the one that k of them are below or equal to.
func (w walsh) at(k int) float64 {
	low, high := w[0], w[len(w)-1]
	if w.count(low) > k {
		return low
	}
	for high-low > 1e-13*max(math.Abs(low), math.Abs(high), 1e-6) {
		between := low + (high-low)/2
		if w.count(between) > k {
			high = between
		} else {
			low = between
		}
	}
	return w.above(low)
}

// above is the least that is more than v.
func (w walsh) above(v float64) float64 {
	least := w[len(w)-1]
	for i, j := 0, len(w)-1; i < len(w); i++ {
		for j >= i && (w[i]+w[j])/2 > v {
			least = min(least, (w[i]+w[j])/2)
			j--
		}
		if j < i {
			break
		}
	}
	return least
}

// count is how many are at most v.
func (w walsh) count(v float64) (n int) {
	j := len(w) - 1
	for i := range w {
		for j >= i && (w[i]+w[j])/2 > v {
			j--
		}
		if j < i {
			break
		}
		n += j - i + 1
	}
	return n
}
