// Package anomaly knows how services usually call each other, and says what is new or unusual: for each caller, callee and route
// the rate, the share of refused calls and the bytes of an answer.
//
// How many calls are usual depends on how many requests come in at the gateway: by topology.yaml a transaction's path says which
// calls it may lead to, so that a crowd of honest clients is no surprise inside, and calls without a request that leads to them
// are one from the first few on. A service that was taken over reports its own requests, but not the gateway's.
//
// An event has its own time, and counts once however often it comes. A window is judged Lateness after its end, whatever the order in
// which its events came; before that, only what is certain already is said. What is later still isn't counted in its window.
package anomaly

import (
	"context"
	"hash/maphash"
	"maps"
	"slices"
	"time"

	"redoubt.example/infra/topology"
	"redoubt.example/services/platform/alert"
	"redoubt.example/services/platform/event"
)

const (
	// Window is the time in which calls are counted together.
	Window = 10 * time.Second
	// Lateness is how long after the end of a window it is judged, and closed.
	Lateness = 2 * time.Second

	maxEdges   = 4096 // in memory
	maxOfOne   = 256  // that one service may report: what it reports beyond is one edge, whatever its route
	maxIDs     = 1 << 18
	maxWindows = 16 // that one request of the gateway's may lie in: a stream lasts

	afterAnswer = time.Second // for so long a request goes on inside: its owner is notified after the answer
	silentAfter = time.Minute // an edge isn't spoken of again for the same reason
)

// Scores, in standard deviations, from which on a window is unusual. While it lasts, requests that lead to its calls may still be
// on their way, so that more is needed.
const (
	unusual = 6
	certain = 12
)

// What is too little to be worth a word.
const (
	fewCalls        = 10
	enoughForAShare = 10
	fewBytes        = 1 << 20
)

// Baseline is what is usual. It is for one goroutine. Its zero value knows nothing; use New.
type Baseline struct {
	top     *topology.Topology
	edges   map[hop]*edge
	order   []*edge        // as they were made
	ofOne   map[string]int // edges, by who reported them
	windows map[int64]*window
	now     time.Time // the latest time at which an event was received
	closed  int64     // windows up to this one are judged
	seed    maphash.Seed
	known   [2]map[uint64]struct{} // IDs of events; the second set is the older
	Stats   Stats
}

// Stats count what was left out.
type Stats struct {
	Events, Duplicates, Late, Folded uint64
}

// New returns a baseline that knows what topology.yaml lists and has seen nothing yet.
func New(top *topology.Topology) *Baseline {
	b := &Baseline{top: top, edges: map[hop]*edge{}, ofOne: map[string]int{}, windows: map[int64]*window{}, seed: maphash.MakeSeed(),
		known: [2]map[uint64]struct{}{{}, {}}}
	for _, callee := range top.Names() {
		for _, r := range top.Services[callee].Routes {
			for _, caller := range r.Callers {
				e := &edge{hop: hop{Caller: caller, Service: callee, Route: r.Route}, listed: true, said: map[string]time.Time{}}
				e.entries = b.entries(e.hop)
				b.edges[e.hop], b.order = e, append(b.order, e)
			}
		}
	}
	return b
}

// entries are the edge routes whose requests lead to a hop.
func (b *Baseline) entries(h hop) (routes []string) {
	for _, r := range b.top.Edge {
		direct := hop{Caller: topology.Gateway, Service: r.Upstream, Route: r.To}
		if h == direct || slices.Contains(b.top.Path(r.Route), h) {
			routes = append(routes, r.Route)
		}
	}
	return routes
}

// Observe takes one event and returns the alerts that are due, without ID, number or time of raising: who keeps them gives these.
func (b *Baseline) Observe(_ context.Context, ev *event.Event) []alert.Alert {
	received := ev.Observed
	if received.IsZero() {
		received = ev.Time
	}
	alerts := b.Advance(received)
	b.Stats.Events++
	caller, dataset := ev.Text(event.Caller), ev.Text(event.Dataset)
	access := dataset == event.Access
	refused := dataset == event.Decision && ev.Text(event.RuleID) == "mesh.intention" && ev.Text(event.Outcome) == "failure"
	if (!access && !refused) || caller == "" || caller == "none" || b.again(ev) {
		return alerts
	}
	at := ev.Time
	if at.After(received) {
		at = received
	}
	switch {
	case access && ev.Reporter() == topology.Gateway && caller == outside:
		b.request(ev, at)
	case caller != outside:
		alerts = append(alerts, b.call(ev, at, caller, refused)...)
	}
	return alerts
}

// outside is the caller in what the gateway reports of its clients.
const outside = "outside"

// request enters a request at the gateway into each window that it was in: calls that it led to may be in any.
func (b *Baseline) request(ev *event.Event, at time.Time) {
	if slices.Contains(refusedAtTheEdge, number(ev, "http.response.status_code")) {
		return
	}
	route, began, last := ev.Text("http.route"), at.Add(-time.Duration(number(ev, "event.duration"))), windowOf(at.Add(afterAnswer))
	for n := max(windowOf(began), last-maxWindows+1); n <= last; n++ {
		if w := b.window(n); w != nil {
			w.requests[route] += weight(route)
		}
	}
}

// refusedAtTheEdge are answers after which nobody inside was asked.
var refusedAtTheEdge = []int{400, 401, 403, 404, 405, 406, 413, 414, 415, 422, 429, 431}

// weight is how often a request may go the way of its transaction: a batch has up to 20 documents (gateway/openapi.yaml).
func weight(route string) float64 {
	if route == "POST /v1/documents:batch" {
		return 20
	}
	return 1
}

// collector is who is told of all this: how often follows from how much there is to tell, and says nothing more.
const collector = "sentinel"

// call enters a call between services.
func (b *Baseline) call(ev *event.Event, at time.Time, caller string, refused bool) []alert.Alert {
	if refused && slices.Contains(b.top.Callers(ev.Reporter()), caller) {
		return nil // it was shut out: that is no surprise to anybody
	}
	if ev.Reporter() == collector && slices.Contains(b.top.Callers(collector), caller) {
		return nil
	}
	e := b.edge(hop{Caller: caller, Service: ev.Reporter(), Route: ev.Text("http.route")}, ev.Reporter())
	never := e.calls == 0
	e.calls++
	if e.first.IsZero() || at.Before(e.first) {
		e.first = at
	}
	if at.After(e.last) {
		e.last = at
	}
	w := b.window(windowOf(at))
	if w == nil {
		b.Stats.Late++
		w = &window{requests: map[string]float64{}, cells: map[*edge]*cell{}}
	}
	c := w.cells[e]
	if c == nil {
		c = &cell{first: at, request: ev.Text("http.request.id")}
		w.cells[e] = c
	}
	c.add(ev, refused)
	if !e.listed {
		return b.say(e, NewEdge, at, newReason(b.top, e, c, never), c)
	}
	if requests := w.exposure(e); c.calls >= fewCalls && countScore(c.calls, e.expected(requests), e.scores.spread()) >= certain {
		return b.say(e, Rate, at, rateReason(e, c, requests), c)
	}
	return nil
}

// Advance moves the clock, where no event does, and returns the alerts that are due.
func (b *Baseline) Advance(now time.Time) (alerts []alert.Alert) {
	if !now.After(b.now) {
		return nil
	}
	first := b.now.IsZero()
	b.now = now
	due := windowOf(now.Add(-Lateness)) - 1
	if first || due-b.closed > maxWindows { // of the time before nothing is known
		for _, n := range slices.Sorted(maps.Keys(b.windows)) {
			if n <= due {
				alerts = append(alerts, b.judge(n)...)
				delete(b.windows, n)
			}
		}
		b.closed = due
	}
	for b.closed < due {
		b.closed++
		alerts = append(alerts, b.judge(b.closed)...)
		delete(b.windows, b.closed)
	}
	return alerts
}

// judge says what was unusual in a window that is over, and learns from the rest.
func (b *Baseline) judge(n int64) (alerts []alert.Alert) {
	w := b.windows[n]
	if w == nil {
		w = &window{}
	}
	end := time.Unix(0, (n+1)*int64(Window)).UTC()
	for _, e := range b.order {
		c := w.cells[e]
		if c == nil {
			c = &cell{first: end}
		}
		if !e.listed {
			if c.calls >= fewCalls {
				alerts = append(alerts, b.say(e, Rate, end, newReason(b.top, e, c, e.calls == int64(c.calls)), c)...)
			}
			continue
		}
		found := b.unusual(e, c, w.exposure(e), end)
		if alerts = append(alerts, found...); found == nil {
			e.learn(*c, w.exposure(e), end)
		}
	}
	return alerts
}

// unusual returns nil for a window that may be learned from, and no alert but not nil for one that was spoken of already.
func (b *Baseline) unusual(e *edge, c *cell, requests float64, end time.Time) []alert.Alert {
	found := []alert.Alert(nil)
	add := func(kind, reason string) {
		found = append(found, b.say(e, kind, end, reason, c)...)
		if found == nil {
			found = []alert.Alert{}
		}
	}
	if c.calls >= fewCalls && countScore(c.calls, e.expected(requests), e.scores.spread()) >= unusual {
		add(Rate, rateReason(e, c, requests))
	}
	if usual := e.shares.median(usuallyRefused); c.calls >= enoughForAShare && shareScore(c.refused, c.calls, max(usual, usuallyRefused), 1) >= unusual {
		add(Refused, refusedReason(e, c, usual))
	}
	if usual, known := e.usualBytes(); known && c.bytes >= fewBytes && volumeScore(float64(c.bytes)/float64(c.measured), usual, e.volume.spread()) >= unusual {
		add(Bytes, bytesReason(e, c, usual))
	}
	return found
}

// other stands for whatever there is no room for.
const other = "_OTHER"

// again tells whether an event was seen in the time in which it counts.
func (b *Baseline) again(ev *event.Event) bool {
	var h maphash.Hash
	h.SetSeed(b.seed)
	h.WriteString(ev.Reporter())
	h.WriteByte(0)
	h.WriteString(ev.ID)
	id := h.Sum64()
	for _, known := range b.known {
		if _, seen := known[id]; seen {
			b.Stats.Duplicates++
			return true
		}
	}
	if len(b.known[0]) >= maxIDs {
		b.known[1], b.known[0] = b.known[0], map[uint64]struct{}{}
	}
	b.known[0][id] = struct{}{}
	return false
}
