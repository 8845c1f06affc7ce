package report

import (
	"fmt"
	"math"
)

// Off is how far a recovered delay may be from the injected one: 5 us or 10 %, whichever is more.
func (c Calibration) Off() bool {
	return math.Abs(c.Recovered-c.Injected) > max(5, c.Injected/10)
}

// Problems are the reasons not to believe a run, a sentence each: the harness found a difference where there is none,
// missed one that it made itself, or couldn't send what it meant to.
func (r Result) Problems() []string {
	var found []string
	if r.AA.Pairs > 0 && !r.AA.CI999.Contains(0) {
		found = append(found, fmt.Sprintf("the platform differs from itself by %s us (99.9 %% interval %s)", signed(r.AA.Diff), between(r.AA.CI999)))
	}
	for _, c := range r.Calibration {
		if c.Off() {
			found = append(found, fmt.Sprintf("%s us injected into %s at %s came back as %s", us(c.Injected), c.Control, c.Hop, us(c.Recovered)))
		}
	}
	for _, l := range r.Load {
		if l.Dropped > 0 {
			found = append(found, fmt.Sprintf("the generator dropped %d requests of %s: it was saturated itself", l.Dropped, l.Profile))
		}
	}
	return found
}
