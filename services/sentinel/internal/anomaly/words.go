package anomaly

import (
	"fmt"
	"math"
	"slices"
	"time"

	"redoubt.example/infra/topology"
	"redoubt.example/services/platform/alert"
)

// The kinds of anomalies: what alerts have as their rule.
const (
	NewEdge = "anomaly.new-edge" // a call, or a connection, that topology.yaml doesn't list
	Rate    = "anomaly.rate"     // more calls than the requests at the gateway lead to
	Refused = "anomaly.refused"  // an unusual share of calls is refused
	Bytes   = "anomaly.bytes"    // answers that are unusually long
)

// kinds says what an alert of each kind is called, and about which threat and technique of ATT&CK.
var kinds = map[string]struct {
	title, threat, technique string
}{
	NewEdge: {"A service calls where it never did", "T-020", "T1210"},
	Rate:    {"A service calls more than is usual", "T-020", "T1119"},
	Refused: {"A service is refused more than is usual", "T-028", "T1046"},
	Bytes:   {"A service is sent more than is usual", "T-036", "T1020"},
}

// say makes an alert, unless the same was said a moment ago.
func (b *Baseline) say(e *edge, kind string, at time.Time, reason string, c *cell) []alert.Alert {
	if said, ok := e.said[kind]; ok && at.Sub(said) < silentAfter {
		return nil
	}
	e.said[kind] = at
	k, level, caller := kinds[kind], "medium", e.Caller
	threats := []string{k.threat}
	if kind == NewEdge && e.Service == "payments" && e.Caller == "notification" {
		threats = append(threats, "T-021")
	}
	if b.lowPrivilege(caller) {
		level = "high"
	}
	if caller == other {
		caller = ""
	}
	return []alert.Alert{{
		Rule: kind, Title: k.title, Level: level, Threats: threats, Techniques: []string{k.technique}, First: c.first, Time: at, Count: max(c.calls, 1),
		Reason: reason, Subject: alert.Subject{Reporter: e.Service, Caller: caller, RequestID: c.request},
	}}
}

// lowPrivilege: a service that may call nothing for a user. Least of all should it be heard of.
func (b *Baseline) lowPrivilege(caller string) bool {
	for _, s := range b.top.Services {
		for _, r := range s.Routes {
			if r.NeedsPrincipal() && slices.Contains(r.Callers, caller) {
				return false
			}
		}
	}
	return true
}

func newReason(top *topology.Topology, e *edge, c *cell, never bool) string {
	before := "never seen before"
	if !never {
		before = fmt.Sprintf("seen since %s", e.first.UTC().Format(time.RFC3339))
	}
	if e.Route == "" {
		return fmt.Sprintf("%s tried to connect to %s %s; %s, and topology.yaml doesn't list it as a caller", e.Caller, e.Service, times(c), before)
	}
	lists := "topology.yaml doesn't list it"
	if _, ok := top.Route(e.Service, e.Route); !ok {
		lists = e.Service + " has no such route"
	}
	return fmt.Sprintf("%s called %s %s %s; %s, and %s", e.Caller, e.Service, e.Route, times(c), before, lists)
}

func times(c *cell) string {
	if c.calls == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times in %d s", c.calls, int(Window.Seconds()))
}

func rateReason(e *edge, c *cell, requests float64) string {
	usual := e.usualRate() * requests
	text := fmt.Sprintf("%s: %d calls in %d s where %s are usual", e.name(), c.calls, int(Window.Seconds()), around(usual, countAt(1, usual, e.scores.spread())-usual))
	switch {
	case len(e.entries) == 0:
		return text
	case requests == 0:
		return text + ": no request that leads to it came in at the gateway"
	}
	return text + fmt.Sprintf(" for the %.0f requests that lead to it", requests)
}

func refusedReason(e *edge, c *cell, usual float64) string {
	return fmt.Sprintf("%s: %d of %d calls in %d s were refused where %.0f %% are usual", e.name(), c.refused, c.calls, int(Window.Seconds()), 100*usual)
}

func bytesReason(e *edge, c *cell, usual float64) string {
	return fmt.Sprintf("%s: answers of %.0f bytes in %d s where %.0f are usual", e.name(), float64(c.bytes)/float64(c.measured), int(Window.Seconds()), usual)
}

func (e *edge) name() string { return e.Caller + " -> " + e.Service + " " + e.Route }

func around(usual, off float64) string {
	return fmt.Sprintf("%.0f +- %.0f", usual, math.Ceil(off))
}

// usuallyRefused is the share of refused calls below which none is unusual.
const usuallyRefused = 0.05

// usualBytes of an answer; false until enough was seen.
func (e *edge) usualBytes() (float64, bool) {
	if len(e.volume.values) < enoughForVolume {
		return 0, false
	}
	return math.Expm1(e.volume.median(0)), true
}

// enoughForVolume is how many windows it takes: how long an answer is can't be told beforehand.
const enoughForVolume = 6
