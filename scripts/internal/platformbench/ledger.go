package platformbench

import (
	"slices"
	"strings"
	"time"

	"redoubt.example/loadtest/bench"
	"redoubt.example/loadtest/report"
	"redoubt.example/scripts/internal/timing"
	"redoubt.example/services/platform/servertiming"
)

// ledgerScopes are what a token needs so that the platform gives the ledger back.
var ledgerScopes = []string{servertiming.Scope}

const (
	// transit is the way to a hop and back, with its sockets, sidecars and TLS: what its caller waited less what it took.
	transit = "transit"
	// injected begins the name of what was injected into a control, by the injector's own clock. That is part of the control's own time.
	injected = "injected "
)

// residual is what the parts of a request don't explain of what its client waited.
var residual = bench.Part{Control: "residual"}

// parts are where the request's time went. What a hop does for several calls of one request is one sum.
func (a answer) parts() (map[bench.Part]time.Duration, error) {
	trace, err := timing.Parse(strings.Join(a.header.Values(servertiming.Field), ", "), a.took)
	if err != nil {
		return nil, err
	}
	parts := map[bench.Part]time.Duration{residual: duration(trace.Residual)}
	trace.Root.Walk(func(_ int, h *timing.Hop) {
		parts[bench.Part{Hop: h.Name, Control: transit}] += duration(h.Transit)
		for _, p := range h.Controls {
			parts[bench.Part{Hop: h.Name, Control: p.ID}] += duration(p.US)
		}
		for _, p := range h.Injected {
			parts[bench.Part{Hop: h.Name, Control: injected + p.ID}] += duration(p.US)
		}
	})
	return parts, nil
}

func duration(us float64) time.Duration { return time.Duration(us * float64(time.Microsecond)) }

// lines are a stack's parts as a report has them.
func lines(found *bench.Comparisons, stack int) (all []report.Line) {
	for _, p := range found.Parts(stack) {
		if p == residual || strings.HasPrefix(p.Control, injected) {
			continue
		}
		all = append(all, report.Line{Hop: p.Hop, Control: p.Control, P50: round(found.OwnPart(stack, p, 0.5)), P99: round(found.OwnPart(stack, p, 0.99)),
			CI95: interval(found.OwnPartInterval(stack, p, 0.5, 0.95))})
	}
	return all
}

// linesOf are the parts of answers that weren't compared with others; a part that a request hasn't took none of it.
func linesOf(answers []answer) (all []report.Line) {
	took := map[bench.Part][]time.Duration{}
	for i, a := range answers {
		parts, err := a.parts()
		if err != nil {
			return nil // an older platform, or a token without the scope: there is no ledger
		}
		for p, d := range parts {
			if took[p] == nil {
				took[p] = make([]time.Duration, len(answers))
			}
			took[p][i] = d
		}
	}
	for p, times := range took {
		if p != residual {
			all = append(all, report.Line{Hop: p.Hop, Control: p.Control, P50: round(bench.QuantileOf(0.5, times)), P99: round(bench.QuantileOf(0.99, times))})
		}
	}
	slices.SortFunc(all, func(a, b report.Line) int { return strings.Compare(a.Hop+" "+a.Control, b.Hop+" "+b.Control) })
	return all
}
