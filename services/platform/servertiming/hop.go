// Package servertiming is the ledger across the wire: one request's time, hop by hop, as the metrics of a
// Server-Timing field (W3C Server Timing). It defines the one encoding, and the arithmetic of the tree.
package servertiming

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Hop is one process's part in a request, by its own clock.
type Hop struct {
	Service string
	Route   string        // as topology.yaml writes it: no identifier of anybody's
	Total   time.Duration // from the request's arrival at the process until its answer was ready
	Parts   []Part
	Calls   []Call
	// Truncated: the callee left something out, because the whole would not have fit.
	Truncated bool
}

// Part is what one control, or another part of the process, took of the hop's own time: no time is in two parts,
// and none in which the hop waited for a call.
type Part struct {
	Name  string
	Count int
	Time  time.Duration
}

// Call is one try of a call to another service, by the caller's clock.
type Call struct {
	Service string
	At      time.Duration // since the caller's hop began
	Wait    time.Duration // the round trip
	Hop     *Hop          // nil: the callee didn't say
}

// Waited is the union of the calls: how long the hop waited for at least one of them.
func (h *Hop) Waited() time.Duration {
	calls := slices.Clone(h.Calls)
	slices.SortFunc(calls, func(a, b Call) int { return cmp.Compare(a.At, b.At) })
	var waited, reached time.Duration
	for _, c := range calls {
		begin, end := max(c.At, reached), min(c.At+c.Wait, h.Total)
		if end > begin {
			waited += end - begin
			reached = end
		}
	}
	return waited
}

// Self is the hop's time without the calls it waited for.
func (h *Hop) Self() time.Duration { return h.Total - h.Waited() }

// Injected begins the name of a note: how much of a control's time was injected there to test whoever measures. It
// is within that control's time.
const Injected = "injected "

// Explained is the sum of the parts.
func (h *Hop) Explained() (sum time.Duration) {
	for _, p := range h.Parts {
		if !strings.HasPrefix(p.Name, Injected) {
			sum += p.Time
		}
	}
	return sum
}

// Residual is what of the hop's own time no part explains.
func (h *Hop) Residual() time.Duration { return h.Self() - h.Explained() }

// Transit is what of a round trip the callee doesn't account for: the way there and back, with its sockets, sidecars
// and TLS. Of a callee that didn't say, all of it.
func (c Call) Transit() time.Duration {
	if c.Hop == nil {
		return c.Wait
	}
	return c.Wait - c.Hop.Total
}
