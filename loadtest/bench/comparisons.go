package bench

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Comparisons is what a Comparison found. Stacks are numbered as they were given; 0 is the baseline. Times are in
// microseconds.
type Comparisons struct {
	Stopped string // StoppedNarrow or StoppedTime
	Took    time.Duration
	// Generator is how much of one processor the prober itself used while it measured, from 0 to 1.
	Generator float64

	// renews: what is independent is an epoch; a round otherwise.
	renews bool
	epochs [][][]turn // by stack, epoch and round
}

// turn is a block: some requests in a row to one stack.
type turn struct {
	total    []float64
	parts    map[Part][]float64 // as long as total, once there is anything
	cpu      time.Duration      // of the stack's processes
	requests int                // those that don't count, too
}

func newTurn(requests int) turn {
	return turn{total: make([]float64, 0, requests), parts: map[Part][]float64{}}
}

func (b *turn) add(seen Observation) {
	for part, took := range seen.Parts {
		if _, known := b.parts[part]; !known {
			b.parts[part] = make([]float64, cap(b.total))
		}
		b.parts[part][len(b.total)] = micros(took)
	}
	b.total = append(b.total, micros(seen.Total))
}

// values are the requests' times: in all where part is nil.
func (b *turn) values(part *Part) []float64 {
	if part == nil {
		return b.total
	}
	if v, ok := b.parts[*part]; ok {
		return v[:len(b.total)]
	}
	return make([]float64, len(b.total))
}

func newComparisons(c Comparison) *Comparisons {
	found := &Comparisons{epochs: make([][][]turn, len(c.Stacks))}
	for _, s := range c.Stacks {
		found.renews = found.renews || s.Renew != nil
	}
	return found
}

func (c *Comparisons) add(blocks [][]turn) {
	for i := range c.epochs {
		c.epochs[i] = append(c.epochs[i], blocks[i])
	}
}

// units is how many independent differences there are.
func (c *Comparisons) units() int {
	n := len(c.epochs[0])
	if !c.renews && n > 0 {
		n *= len(c.epochs[0][0])
	}
	return n
}

func (c *Comparisons) narrow(reach float64) bool {
	for i := 1; i < len(c.epochs); i++ {
		if d := c.Median(i, 0.95); max(d.High-d.Value, d.Value-d.Low) > reach {
			return false
		}
	}
	return true
}

// Median is by how much a stack's requests take longer than the baseline's: the Hodges-Lehmann median of the paired
// differences between blocks' medians.
func (c *Comparisons) Median(stack int, confidence float64) Difference {
	return PairedMedian(c.differences(stack, nil), confidence)
}

// PartMedian is the same of one part of the requests.
func (c *Comparisons) PartMedian(stack int, part Part, confidence float64) Difference {
	return PairedMedian(c.differences(stack, &part), confidence)
}

// P is the probability of differences like a stack's if there were none: the signed-rank test's, two-sided. Where
// many stacks or parts are looked at, correct it: Holm.
func (c *Comparisons) P(stack int) float64 { return SignedRank(c.differences(stack, nil)) }

// PartP is the same of one part.
func (c *Comparisons) PartP(stack int, part Part) float64 {
	return SignedRank(c.differences(stack, &part))
}

// Differences are a stack's paired differences, one for each independent unit: for putting several runs together.
func (c *Comparisons) Differences(stack int) []float64 { return c.differences(stack, nil) }

// differences has one for each unit.
func (c *Comparisons) differences(stack int, part *Part) []float64 {
	var all []float64
	for e, rounds := range c.epochs[stack] {
		var within []float64
		for r := range rounds {
			within = append(within, middle(rounds[r].values(part))-middle(c.epochs[0][e][r].values(part)))
		}
		if c.renews {
			within = []float64{middle(within)}
		}
		all = append(all, within...)
	}
	return all
}

func middle(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// TailRequests is how many requests have to lie beyond a quantile on either side before it says anything.
const TailRequests = 10

// Quantile is the difference between a stack's quantile and the baseline's. known is false where too few requests lie
// beyond it: then it wasn't measured.
func (c *Comparisons) Quantile(stack int, q, confidence float64) (d Difference, known bool) {
	a, b := c.groups(stack, nil), c.groups(0, nil)
	if float64(c.Requests(stack))*min(q, 1-q) < TailRequests {
		return Difference{}, false
	}
	wa, wb := newWeighted(a), newWeighted(b)
	return bootstrap(len(a), confidence, func(weight []int) float64 { return wa.quantile(q, weight) - wb.quantile(q, weight) }), true
}

// Own is a quantile of a stack's own requests, and OwnPart of one part of them.
func (c *Comparisons) Own(stack int, q float64) float64 { return flatQuantile(c.groups(stack, nil), q) }

// OwnPart is a quantile of one part of a stack's requests.
func (c *Comparisons) OwnPart(stack int, part Part, q float64) float64 {
	return flatQuantile(c.groups(stack, &part), q)
}

// OwnPartInterval is where that quantile lies: a bootstrap over what is independent.
func (c *Comparisons) OwnPartInterval(stack int, part Part, q, confidence float64) Difference {
	groups := c.groups(stack, &part)
	all := newWeighted(groups)
	return bootstrap(len(groups), confidence, func(weight []int) float64 { return all.quantile(q, weight) })
}

// Requests is how many requests to a stack count.
func (c *Comparisons) Requests(stack int) (n int) {
	for _, rounds := range c.epochs[stack] {
		for _, b := range rounds {
			n += len(b.total)
		}
	}
	return n
}

// Pairs is how many independent differences the intervals rest on.
func (c *Comparisons) Pairs() int { return c.units() }

// CPU is the processor time of a stack's processes, per request.
func (c *Comparisons) CPU(stack int) float64 {
	var used time.Duration
	requests := 0
	for _, rounds := range c.epochs[stack] {
		for _, b := range rounds {
			used, requests = used+b.cpu, requests+b.requests
		}
	}
	return micros(used) / float64(max(requests, 1))
}

// Parts are those that any request to a stack had, by hop and control.
func (c *Comparisons) Parts(stack int) []Part {
	seen := map[Part]bool{}
	var all []Part
	for _, rounds := range c.epochs[stack] {
		for _, b := range rounds {
			for part := range b.parts {
				if !seen[part] {
					seen[part] = true
					all = append(all, part)
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b Part) int {
		return cmp.Or(cmp.Compare(a.Hop, b.Hop), cmp.Compare(a.Control, b.Control))
	})
	return all
}

// groups are the requests' times by unit.
func (c *Comparisons) groups(stack int, part *Part) [][]float64 {
	var all [][]float64
	for _, rounds := range c.epochs[stack] {
		var epoch []float64
		for _, b := range rounds {
			if !c.renews {
				all = append(all, b.values(part))
			}
			epoch = append(epoch, b.values(part)...)
		}
		if c.renews {
			all = append(all, epoch)
		}
	}
	return all
}

func flatQuantile(groups [][]float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(slices.Concat(groups...)))
	if len(sorted) == 0 {
		return math.NaN()
	}
	return sorted[int(q*float64(len(sorted)-1)+0.5)]
}
