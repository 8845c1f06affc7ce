package anomaly

import (
	"maps"
	"slices"
)

// Holds returns how much is in memory.
func (b *Baseline) Holds() (edges, windows, ids int) {
	return len(b.edges), len(b.windows), len(b.known[0]) + len(b.known[1])
}

// Clone copies all that is learned, but for the IDs of events.
func (b *Baseline) Clone() *Baseline {
	c := *b
	c.edges, c.order, c.windows = map[hop]*edge{}, nil, map[int64]*window{}
	c.ofOne, c.known = maps.Clone(b.ofOne), [2]map[uint64]struct{}{{}, {}}
	copies := map[*edge]*edge{}
	for _, e := range b.order {
		n := *e
		n.said = maps.Clone(e.said)
		for _, h := range []*history{&n.rate, &n.scores, &n.shares, &n.volume} {
			h.values = slices.Clone(h.values)
		}
		copies[e] = &n
		c.edges[n.hop], c.order = &n, append(c.order, &n)
	}
	for n, w := range b.windows {
		v := &window{requests: maps.Clone(w.requests), cells: map[*edge]*cell{}}
		for e, one := range w.cells {
			again := *one
			v.cells[copies[e]] = &again
		}
		c.windows[n] = v
	}
	return &c
}
