// Package posture judges how well a running lab holds to what is declared: a score with its reasons. It is told facts, and
// judges them; collecting is the verb's.
package posture

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"redoubt.example/infra/topology"
	"redoubt.example/scripts/internal/attack"
	"redoubt.example/scripts/internal/control"
	"redoubt.example/services/platform/alert"
	"redoubt.example/services/platform/controls"
)

// Facts are what is known of a lab.
type Facts struct {
	Now      time.Time
	Topology *topology.Topology
	Status   control.Status
	Survey   control.Survey
	Secrets  []control.Secret
	Flows    []alert.Flow
	Health   *alert.Health // sentinel's; nil when it doesn't answer
	Controls []controls.Control
	History  map[string]attack.Entry // what attacks and proofs showed when they last ran here
	Probes   []Probe
	Unseen   []string // what couldn't be looked at, and why
}

// Limits are from when on something is too much.
type Limits struct {
	Static   time.Duration // a secret that lasts longer is static
	ProofAge time.Duration // a proof that is older proves nothing of today
}

// DefaultLimits: nothing that is given out lasts longer than a week, and controls are proved as often.
var DefaultLimits = Limits{Static: 7 * 24 * time.Hour, ProofAge: 7 * 24 * time.Hour}

// The weights of findings.
const (
	Critical = "critical"
	High     = "high"
	Medium   = "medium"
	Low      = "low"
)

// points are what a finding costs, of a hundred; all findings of a kind together cost at most half of that, but for critical ones.
var points = map[string]int{Critical: 40, High: 15, Medium: 5, Low: 1}

const mostOfAKind = 50

// Finding is something that isn't as it should be.
type Finding struct {
	Weight string `json:"weight"`
	Kind   string `json:"kind"`
	Where  string `json:"where"`
	What   string `json:"what"` // one sentence
	Mend   string `json:"mend"`
}

// Report is what `lab posture --json` prints.
type Report struct {
	Score    int       `json:"score"` // of 100
	Findings []Finding `json:"findings"`
	Coverage Coverage  `json:"coverage"`
	Secrets  []Life    `json:"secrets"`
	Proofs   []Proved  `json:"proofs"`
	Looked   []string  `json:"looked"` // at what
	Unseen   []string  `json:"unseen"`
}

// Good tells whether a report passes: enough points, and nothing critical.
func (r Report) Good(least int) bool {
	return r.Score >= least && !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Weight == Critical })
}

// Judge makes a report of facts.
func Judge(f Facts, limits Limits) Report {
	r := Report{Findings: []Finding{}, Unseen: append([]string{}, f.Unseen...)}
	var found []Finding
	r.Coverage, found = coverage(f)
	r.Findings = append(r.Findings, found...)
	r.Secrets, found = secrets(f, limits)
	r.Findings = append(r.Findings, found...)
	r.Proofs, found = proofs(f, limits)
	r.Findings = append(r.Findings, found...)
	for _, judge := range []func(Facts) []Finding{drift, listeners, switchedOff, answered, watched, degraded} {
		r.Findings = append(r.Findings, judge(f)...)
	}
	weights := []string{Critical, High, Medium, Low}
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(slices.Index(weights, a.Weight)-slices.Index(weights, b.Weight), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Where, b.Where))
	})
	r.Score = score(r.Findings)
	r.Looked = []string{
		fmt.Sprintf("%d edges, %d requests between services", r.Coverage.Edges, r.Coverage.Requests), fmt.Sprintf("%d secrets and certificates", len(f.Secrets)),
		"Consul, Vault and PostgreSQL against topology.yaml", fmt.Sprintf("%d listening sockets", f.Survey.Listening), fmt.Sprintf("%d controls", len(f.Controls)),
		fmt.Sprintf("%d paths that no route has", len(f.Probes)),
	}
	return r
}

func score(findings []Finding) int {
	lost, byKind := 0, map[string]int{}
	for _, f := range findings {
		cost := points[f.Weight]
		if f.Weight != Critical {
			cost = min(cost, mostOfAKind-byKind[f.Kind])
			byKind[f.Kind] += cost
		}
		lost += cost
	}
	return max(0, 100-lost)
}

func drift(f Facts) (found []Finding) {
	for _, d := range f.Survey.Drift {
		weight := Medium
		if d.Wider {
			weight = Critical
		}
		found = append(found, Finding{weight, "drift", d.Server + " " + d.Kind + " " + d.Name, d.Found, d.Mend})
	}
	return found
}

func listeners(f Facts) (found []Finding) {
	for _, l := range f.Survey.Listeners {
		weight := Critical
		if l.Protocol == "unix" {
			weight = High // whoever may enter its folder
		}
		mend := "find out what the process is, and end it; what is meant to be there belongs into infra/topology/topology.yaml"
		found = append(found, Finding{weight, "listener", l.Component, l.Found + processes(l), mend})
	}
	return found
}

func processes(l control.Listener) string {
	switch {
	case len(l.PIDs) > 0:
		return fmt.Sprintf(" (pid %d, uid %d)", l.PIDs[0], l.UID)
	case l.UID >= 0:
		return fmt.Sprintf(" (uid %d)", l.UID)
	}
	return ""
}

func switchedOff(f Facts) (found []Finding) {
	for _, id := range f.Status.ControlsOff {
		found = append(found, Finding{Critical, "control off", id, "the control " + id + " is off", "lab control on"})
	}
	for _, delay := range f.Status.Delays {
		found = append(found, Finding{Medium, "delay", delay, "a delay is injected: " + delay, "lab control delay --off"})
	}
	return found
}

func degraded(f Facts) (found []Finding) {
	for _, d := range f.Status.Degraded {
		found = append(found, Finding{Medium, "degraded", d.Component, d.Component + " does without: " + d.Reason, "lab status"})
	}
	return found
}

// watched: who looks for attacks.
func watched(f Facts) (found []Finding) {
	if f.Health == nil {
		return []Finding{{High, "watch", "sentinel", "sentinel doesn't answer: nobody looks for attacks", "lab start sentinel"}}
	}
	for who, lost := range f.Health.Lost {
		if lost > 0 {
			found = append(found, Finding{Medium, "watch", who, fmt.Sprintf("%d security events of %s were lost", lost, who), "lab logs sentinel"})
		}
	}
	for _, who := range f.Health.Silent {
		found = append(found, Finding{High, "watch", who, who + " reports no security events", "lab status"})
	}
	return found
}
