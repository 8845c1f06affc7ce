package platformbench

import (
	"context"
	"time"
)

// Plan is what a run measures, and about for how long. What has no time isn't measured, and absent from the result. Starting
// and warming up labs comes on top.
type Plan struct {
	AA          time.Duration
	Calibration time.Duration
	Profiles    []string      // beside plaintext, which is measured with any
	Each        time.Duration // of them
	Read        time.Duration // each, by a request that only reads
	Saturate    time.Duration // each
	Load        time.Duration // each, and plaintext, by k6
	Chosen      []string      // controls; none: those that the ledger saw at work
	Controls    time.Duration // all of them together
	Storm       time.Duration // each thing that goes wrong
	Attacks     bool          // each profile, with all attacks
	Chains      time.Duration // one hop to five; not by Run
	Against     time.Duration // another revision
	// Narrow ends a comparison early, once its interval reaches this many microseconds to either side, or less; 0: none.
	Narrow float64
	// Within bounds the matrix with all that starting labs takes: a profile that wouldn't end by then is left out, but for the
	// first; 0: none is.
	Within time.Duration
}

// share tells how much of a duration a part is.
func share(all time.Duration, part float64) time.Duration { return time.Duration(part * float64(all)) }

// Quick is a plan for what a few minutes suffice for.
func Quick(all time.Duration, profiles []string) Plan {
	n := time.Duration(max(len(profiles), 1))
	return Plan{AA: share(all, 0.2), Calibration: share(all, 0.15), Profiles: profiles, Each: share(all, 0.4) / n, Read: share(all, 0.15) / n,
		Saturate: share(all, 0.1) / n}
}

const (
	loadTime = 20 * time.Second
	things   = 7 // that go wrong
)

// Full is a plan for everything.
func Full(all time.Duration, profiles, controls []string) Plan {
	n := time.Duration(max(len(profiles), 1))
	return Plan{AA: share(all, 0.08), Calibration: share(all, 0.08), Profiles: profiles, Each: share(all, 0.2) / n, Read: share(all, 0.07) / n, Saturate: share(all, 0.05) / n,
		Load: min(loadTime, share(all, 0.08)/(n+1)), Chosen: controls, Controls: share(all, 0.22), Storm: share(all, 0.17) / things, Attacks: true, Chains: share(all, 0.05)}
}

func (r *run) steps() []func(context.Context) error {
	return []func(context.Context) error{r.same, r.profiles, r.controls, r.storms, r.attacks}
}
