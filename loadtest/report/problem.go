package report

import (
	"fmt"
	"math"
)

// Off is how far a recovered delay may be from the injected one: 5 us or 10 %, whichever is more.
func (c Calibration) Off() bool {
	return math.Abs(c.Recovered-c.Injected) > max(5, c.Injected/10)
}

// generatorLimit: a prober that is busy for longer than this share of the time measures itself.
const generatorLimit = 0.8

// lateLimit, in microseconds: a generator that sends later than this itself, by its median, is saturated.
const lateLimit = 5000

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
	if g := r.Method.Generator; g > generatorLimit {
		found = append(found, fmt.Sprintf("the prober was busy for %.0f %% of the time itself: it was saturated", 100*g))
	}
	for _, l := range r.Load {
		if l.Dropped > 0 {
			found = append(found, fmt.Sprintf("the generator dropped %d requests of %s: it was saturated itself", l.Dropped, l.Profile))
		}
	}
	for _, s := range r.Storms {
		if s.Late > lateLimit {
			found = append(found, fmt.Sprintf("during %s the honest user's requests were sent %s us late: the generator was saturated", s.Name, us(s.Late)))
		}
	}
	return found
}
