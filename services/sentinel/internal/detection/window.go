package detection

import (
	"slices"
	"time"
)

// window is what one group remembers. add enters an event, the value that is counted and the numbers of the rules that it
// matched, and returns the count that the condition is about. It holds no more than it takes to tell whether the
// condition is true, so that nobody fills the memory by many events or values.
type window interface {
	add(at time.Time, value string, hits []int) int
	// first is the time of the earliest event that the count is of, as far as it is remembered; zero if it isn't.
	first() time.Time
}

func newWindow(c *correlation) window {
	enough := c.least
	if c.closes() {
		enough = c.most + 1 // one more, and it is false for good
	}
	switch c.kind {
	case eventCount:
		if c.closes() {
			return new(total)
		}
		return &recent{enough: enough, span: c.span}
	case temporalOrdered:
		return &chain{begun: make([]time.Time, len(c.rules)), span: c.span}
	case temporal:
		return &distinct[int]{enough: enough, span: c.span, of: func(_ string, hits []int) []int { return hits }}
	}
	return &distinct[string]{enough: enough, span: c.span, of: func(value string, _ []int) []string { return []string{value} }}
}

// total counts all events of a window that closes.
type total int

func (t *total) add(time.Time, string, []int) int {
	*t = min(*t+1, maxCount+1)
	return int(*t)
}

func (*total) first() time.Time { return time.Time{} }

// recent counts the events of the last timespan: of the latest of them, as many as it takes.
type recent struct {
	enough int
	span   time.Duration
	times  []time.Time
}

func (r *recent) add(at time.Time, _ string, _ []int) int {
	keep := 0
	for keep < len(r.times) && (at.Sub(r.times[keep]) >= r.span || len(r.times)-keep >= r.enough) {
		keep++
	}
	r.times = append(r.times[keep:], at)
	return len(r.times)
}

func (r *recent) first() time.Time { return r.times[0] }

// distinct counts the different values of the last timespan: of those that were seen last, as many as it takes.
type distinct[V comparable] struct {
	enough int
	span   time.Duration
	of     func(value string, hits []int) []V
	seen   []sighting[V] // the latest last
}

type sighting[V comparable] struct {
	value V
	at    time.Time
}

func (d *distinct[V]) add(at time.Time, value string, hits []int) int {
	for _, v := range d.of(value, hits) {
		d.seen = slices.DeleteFunc(d.seen, func(s sighting[V]) bool { return s.value == v || at.Sub(s.at) >= d.span })
		if len(d.seen) >= d.enough {
			d.seen = slices.Delete(d.seen, 0, 1)
		}
		d.seen = append(d.seen, sighting[V]{v, at})
	}
	return len(d.seen)
}

func (d *distinct[V]) first() time.Time {
	earliest := d.seen[0].at
	for _, s := range d.seen {
		if s.at.Before(earliest) {
			earliest = s.at
		}
	}
	return earliest
}

// chain follows the rules of an ordered correlation. begun holds for each rule when the latest chain of matches that has
// come up to it began: whichever chain can be completed within the timespan, the one that began last can.
type chain struct {
	begun []time.Time
	span  time.Duration
}

func (c *chain) add(at time.Time, _ string, hits []int) int {
	complete := 0
	for i := len(hits) - 1; i >= 0; i-- { // from behind: one event isn't two steps
		step := hits[i]
		begun := at
		if step > 0 {
			begun = c.begun[step-1]
			if begun.IsZero() || at.Sub(begun) >= c.span {
				continue
			}
		}
		if begun.After(c.begun[step]) {
			c.begun[step] = begun
		}
		if step == len(c.begun)-1 {
			complete = len(c.begun)
		}
	}
	return complete
}

func (c *chain) first() time.Time { return c.begun[len(c.begun)-1] }
