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
		if why := l.unreconciled(); why != "" {
			found = append(found, why)
		}
	}
	for _, s := range r.Storms {
		if s.Late > lateLimit {
			found = append(found, fmt.Sprintf("during %s the honest user's requests were sent %s us late: the generator was saturated", s.Name, us(s.Late)))
		}
	}
	return found
}

// What k6 and the gateway may differ by: requests of others, such as a probe, and the steps of the gateway's histogram.
const (
	countTolerance = 0.02
	stepTolerance  = 0.15
)

// unreconciled says in what k6 and the gateway contradict each other: they saw the same requests, and k6 can't have waited
// for less than the gateway took. "" where they agree, or the gateway wasn't asked.
func (l Load) unreconciled() string {
	if l.Served > 0 && math.Abs(float64(l.Served-l.Requests)) > countTolerance*float64(l.Requests) {
		return fmt.Sprintf("k6 sent %d requests to %s and the gateway counted %d", l.Requests, l.Profile, l.Served)
	}
	for _, q := range []struct {
		name       string
		k6, served float64
	}{{"p50", l.P50, l.ServiceP50}, {"p99", l.P99, l.ServiceP99}} {
		if q.served > q.k6*(1+stepTolerance) {
			return fmt.Sprintf("by the gateway's clock the %s of %s is %s us, by k6's %s: they don't measure the same", q.name, l.Profile, us(q.served), us(q.k6))
		}
	}
	return ""
}
