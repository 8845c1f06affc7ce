package detection

import (
	"cmp"
	"container/heap"
	"time"

	"redoubt.example/services/platform/event"
)

// match is an event with the rules that it matched.
type match struct {
	at    time.Time
	event *event.Event
	rules []*Rule
}

// pending holds matches until nothing that is older can come any more: the oldest first, and of one moment in the order
// of IDs, so that the order in which they came makes no difference.
type pending []match

var _ heap.Interface = (*pending)(nil)

func (p pending) Len() int { return len(p) }
func (p pending) Less(i, j int) bool {
	return cmp.Or(p[i].at.Compare(p[j].at), cmp.Compare(p[i].event.ID, p[j].event.ID), cmp.Compare(p[i].event.Reporter(), p[j].event.Reporter())) < 0
}
func (p pending) Swap(i, j int) { p[i], p[j] = p[j], p[i] }

// Push implements heap.Interface.
func (p *pending) Push(x any) { *p = append(*p, x.(match)) }

// Pop implements heap.Interface.
func (p *pending) Pop() any {
	last := (*p)[len(*p)-1]
	(*p)[len(*p)-1] = match{}
	*p = (*p)[:len(*p)-1]
	return last
}

// known remembers whose events were seen, by their IDs, for at least a while and at most twice that: two sets, of which the
// older is dropped. The reporter is part of it: nobody keeps another's event out by using its ID first.
type known struct {
	keep       time.Duration
	limit      int // of each set
	now, older map[origin]struct{}
	since      time.Time
	early      uint64 // sets that were dropped before their time, for want of room
}

type origin struct{ reporter, id string }

// again tells whether the event was seen before.
func (k *known) again(at time.Time, e *event.Event) bool {
	o := origin{e.Reporter(), e.ID}
	if _, seen := k.now[o]; seen {
		return true
	}
	if _, seen := k.older[o]; seen {
		return true
	}
	if full := len(k.now) >= k.limit; full || at.Sub(k.since) >= k.keep {
		if full && at.Sub(k.since) < k.keep {
			k.early++
		}
		k.older, k.now, k.since = k.now, make(map[origin]struct{}), at
	}
	k.now[o] = struct{}{}
	return false
}
