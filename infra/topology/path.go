package topology

import (
	"slices"
	"strings"
)

// Gateway is the service that transactions begin at: it alone mints their tokens.
const Gateway = "gateway"

// Hop is one call of a transaction: who calls which route of which service.
type Hop struct{ Caller, Service, Route string }

// Path returns every call that a transaction which began at an edge route may make, the gateway's own first.
// Nothing for a public edge route: there is no token that a path would bind.
func (t *Topology) Path(entry string) []Hop {
	var path []Hop
	var follow func(Hop)
	follow = func(h Hop) {
		if slices.Contains(path, h) {
			return
		}
		path = append(path, h)
		r, _ := t.Route(h.Service, h.Route)
		for _, call := range r.Calls {
			service, route, _ := strings.Cut(call, " ")
			follow(Hop{Caller: h.Service, Service: service, Route: route})
		}
	}
	for _, e := range t.Edge {
		if e.Route == entry && !e.Public {
			follow(Hop{Caller: Gateway, Service: e.Upstream, Route: e.To})
		}
	}
	return path
}

// Entries returns the edge routes whose transactions a caller may present at a service's route. The gateway may
// present all of them anywhere it may call: it mints the tokens, so to bind it by their text would bind nothing.
func (t *Topology) Entries(service, route, caller string) []string {
	var entries []string
	for _, e := range t.Edge {
		if !e.Public && (caller == Gateway || slices.Contains(t.Path(e.Route), Hop{caller, service, route})) {
			entries = append(entries, e.Route)
		}
	}
	return entries
}

// AnyEntry stands for every edge route. It is the gateway's: that mints the tokens, so to bind it by their text would
// bind nothing.
const AnyEntry = "*"

// Presenters returns, for each caller of a route, the edge routes whose transactions it may present there; none
// where the route needs no principal. Sets are maps, as the policies' data has them.
func (t *Topology) Presenters(service string, r Route) map[string]map[string]bool {
	all := make(map[string]map[string]bool, len(r.Callers))
	for _, caller := range r.Callers {
		all[caller] = map[string]bool{}
		switch {
		case r.NeedsPrincipal() && caller == Gateway:
			all[caller][AnyEntry] = true
		case r.NeedsPrincipal():
			for _, entry := range t.Entries(service, r.Route, caller) {
				all[caller][entry] = true
			}
		}
	}
	return all
}
