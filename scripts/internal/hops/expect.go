package hops

import (
	"fmt"
	"slices"

	"redoubt.example/infra/topology"
)

// Outside is the caller that the gateway names for requests from beyond the edge.
const Outside = "outside"

// Pair is a caller and its callee.
type Pair struct{ Caller, Callee string }

func (p Pair) String() string { return fmt.Sprintf("%s -> %s", p.Caller, p.Callee) }

// Expect returns the hops that traffic over every route crosses: all of topology.yaml's. fromStart includes those
// that only a start is sure to use (keys and models are fetched once, and kept).
func Expect(top *topology.Topology, fromStart bool) []Pair {
	pairs := []Pair{{Outside, "gateway"}}
	for _, callee := range top.Names() {
		for _, route := range top.Services[callee].Routes {
			for _, caller := range route.Callers {
				pair := Pair{caller, callee}
				if (fromStart || route.NeedsPrincipal()) && !slices.Contains(pairs, pair) {
					pairs = append(pairs, pair)
				}
			}
		}
	}
	return pairs
}

// Problems says in sentences what keeps a run from having gone well: a hop without a request, a hop with errors.
func Problems(rows []Row, expected []Pair) (problems []string) {
	for _, pair := range expected {
		if !slices.ContainsFunc(rows, func(r Row) bool { return r.Caller == pair.Caller && r.Callee == pair.Callee }) {
			problems = append(problems, fmt.Sprintf("no request crossed %s", pair))
		}
	}
	for _, r := range rows {
		if r.Errors > 0 {
			problems = append(problems, fmt.Sprintf("%d of %d requests failed at %s, %s", r.Errors, r.Requests, Pair{r.Caller, r.Callee}, r.Route))
		}
	}
	return problems
}
