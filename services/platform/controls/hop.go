package controls

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"redoubt.example/services/platform/servertiming"
)

// Call is a call to another service that is under way.
type Call struct{ span Span }

// answer is what a callee said of its own time.
type answer struct {
	call int // the span's number
	hop  *servertiming.Hop
}

// BeginCall starts the wait for one try of a call to an upstream. Exactly one of its ends is called.
func BeginCall(ctx context.Context, upstream string) Call {
	return Call{LedgerOf(ctx).begin(Upstream(upstream), true)}
}

// End enters the wait.
func (c Call) End() { c.span.End() }

// Answered enters the wait, and what the callee says of it in its Server-Timing, unless that can't be: it is malformed,
// or claims more time than the call took. What a callee says of its name isn't asked.
func (c Call) Answered(timing string) {
	l := c.span.ledger
	at := c.span.enter()
	if l == nil || timing == "" || at < 0 {
		return
	}
	defer l.begin(Bookkeeping, false).End()
	hop, err := servertiming.Parse(timing)
	if err != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if took := l.spans[at].end - l.spans[at].begin; hop.Total <= took {
		l.answers = append(l.answers, answer{at, hop})
	}
}

// Timing is the ledger as a Server-Timing field, for a process that is about to end its answer. The time that writing it
// takes is in it.
func (l *Ledger) Timing(service, route string) string {
	if l == nil {
		return ""
	}
	return l.Hop(service, route).Closed(Bookkeeping, func() time.Duration { return time.Since(l.start) })
}

// Hop returns the ledger up to now, with no time entered twice: while a call is waited for, it is the call's; else it
// belongs to the innermost of the entries that are running, the one that began last.
func (l *Ledger) Hop(service, route string) *servertiming.Hop {
	l.mu.Lock()
	defer l.mu.Unlock()
	hop := &servertiming.Hop{Service: service, Route: route, Total: time.Since(l.start)}
	own := attribute(l.spans)
	for i, s := range l.spans {
		switch {
		case s.call:
			hop.Calls = append(hop.Calls, l.call(i))
		case strings.HasPrefix(s.name, servertiming.Injected):
			hop.Parts = parted(hop.Parts, s.name, s.end-s.begin)
		default:
			hop.Parts = parted(hop.Parts, s.name, own[i])
		}
	}
	slices.SortStableFunc(hop.Calls, func(a, b servertiming.Call) int { return cmp.Compare(a.At, b.At) })
	return hop
}

func (l *Ledger) call(i int) servertiming.Call {
	s := l.spans[i]
	c := servertiming.Call{Service: strings.TrimPrefix(s.name, upstreamPrefix), At: s.begin, Wait: s.end - s.begin}
	for _, a := range l.answers {
		if a.call == i {
			named := *a.hop
			named.Service = c.Service
			c.Hop = &named
		}
	}
	return c
}

func parted(parts []servertiming.Part, name string, d time.Duration) []servertiming.Part {
	for i := range parts {
		if parts[i].Name == name {
			parts[i].Count++
			parts[i].Time += d
			return parts
		}
	}
	return append(parts, servertiming.Part{Name: name, Count: 1, Time: d})
}

// attribute gives each moment to one of the spans that run in it.
func attribute(spans []span) []time.Duration {
	var edges []time.Duration
	for _, s := range spans {
		edges = append(edges, s.begin, s.end)
	}
	slices.Sort(edges)
	edges = slices.Compact(edges)
	own := make([]time.Duration, len(spans))
	for k := 1; k < len(edges); k++ {
		owner := -1
		for i, s := range spans {
			if s.begin > edges[k-1] || s.end < edges[k] || strings.HasPrefix(s.name, servertiming.Injected) {
				continue
			}
			if owner < 0 || s.within(spans[owner]) {
				owner = i
			}
		}
		if owner >= 0 {
			own[owner] += edges[k] - edges[k-1]
		}
	}
	return own
}

// within tells whether of two spans that run at once, s is the one that time belongs to.
func (s span) within(other span) bool {
	switch {
	case s.call != other.call:
		return s.call
	case s.begin != other.begin:
		return s.begin > other.begin
	}
	return s.end < other.end
}
