package anomaly

import (
	"math"
	"time"

	"redoubt.example/infra/topology"
)

// hop is one edge: who calls which route of whom. Route is "" for a connection that the mesh refused.
type hop = topology.Hop

// edge is what is known of one.
type edge struct {
	hop
	listed  bool     // topology.yaml has it
	entries []string // the edge routes whose transactions lead here; none: nobody's request has to come first
	calls   int64
	first   time.Time
	last    time.Time

	rate   history // calls for each request that leads here; where none has to, calls in a window
	scores history // of past windows: whether the calls spread more than by chance
	shares history // of refused calls
	volume history // bytes of a call, as logarithms

	ceiling float64   // the highest rate that may be learned by now
	learned time.Time // when it was raised

	said map[string]time.Time // by kind: when an alert was raised
}

// edge finds an edge, or makes it while there is room.
func (b *Baseline) edge(h hop, reporter string) *edge {
	if e := b.edges[h]; e != nil {
		return e
	}
	if b.ofOne[reporter] >= maxOfOne || len(b.edges) >= maxEdges {
		b.Stats.Folded++
		h.Caller, h.Route = other, other
		if e := b.edges[h]; e != nil {
			return e
		}
	}
	b.ofOne[reporter]++
	e := &edge{hop: h, said: map[string]time.Time{}}
	b.edges[h], b.order = e, append(b.order, e)
	return e
}

// growthInAnHour is by how much the highest rate that is no surprise grows in an hour at most, whatever is learned: who wants ten times
// as much to look usual, and raises it slowly enough never to be noticed, needs a day.
const growthInAnHour = 1.1

// What is no surprise before anything is learned, nor ever: a transaction that leads here calls once, and where none has to
// come first, starts and renewals of keys come a few times in a window.
const (
	callsOfATransaction = 1
	callsOfNobody       = 10
)

func (e *edge) prior() float64 {
	if len(e.entries) > 0 {
		return callsOfATransaction
	}
	return callsOfNobody
}

// usualRate is how many calls come of one request that leads here, or in a window.
func (e *edge) usualRate() float64 { return e.rate.median(e.prior()) }

// expected is how many calls are no surprise, with so many requests that lead here.
func (e *edge) expected(requests float64) float64 {
	return math.Max(e.usualRate(), e.prior()) * requests
}

// learn takes a window in which nothing was unusual.
func (e *edge) learn(c cell, requests float64, at time.Time) {
	if requests > 0 {
		if len(e.rate.values) > 0 {
			e.scores.add(countScore(c.calls, e.usualRate()*requests, leastSpread))
		}
		e.rate.add(math.Min(float64(c.calls)/requests, e.raise(at)))
	}
	if c.calls >= enoughForAShare {
		e.shares.add(float64(c.refused) / float64(c.calls))
	}
	if c.measured > 0 {
		e.volume.add(math.Log1p(float64(c.bytes) / float64(c.measured)))
	}
}

// raise returns the highest rate that may be learned now: above what is usual by a tenth at most, so that nobody saves it up.
func (e *edge) raise(at time.Time) float64 {
	if e.learned.IsZero() {
		e.ceiling, e.learned = e.prior(), at
	}
	grown := e.ceiling * math.Pow(growthInAnHour, max(0, at.Sub(e.learned).Hours()))
	e.ceiling, e.learned = min(grown, growthInAnHour*math.Max(e.usualRate(), e.prior())), at
	return e.ceiling
}
