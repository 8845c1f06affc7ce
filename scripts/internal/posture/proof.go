package posture

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"redoubt.example/scripts/internal/attack"
	"redoubt.example/services/platform/controls"
)

// Proved is when a control last stopped an attack here, with evidence.
type Proved struct {
	Control string    `json:"control"`
	Attack  string    `json:"attack,omitempty"`
	Time    time.Time `json:"time,omitzero"`
}

func proofs(f Facts, limits Limits) (all []Proved, found []Finding) {
	all = []Proved{}
	var none, old []string
	for _, c := range f.Controls {
		if c.Owner == controls.Engine && f.Status.Engine != "docker" {
			continue // enforced with containers alone
		}
		if c.Owner == controls.Supervisor && f.Status.PageURL == "" {
			continue // there is no page to guard
		}
		p := Proved{Control: c.ID}
		for key, e := range f.History {
			name, alone, proof := strings.Cut(key, " ")
			stopped := e.Verdict == attack.Blocked && (e.BlockedBy == c.ID || proof && alone == c.ID)
			if stopped && e.Time.After(p.Time) {
				p.Attack, p.Time = name, e.Time
			}
		}
		switch {
		case p.Time.IsZero():
			none = append(none, c.ID)
		case f.Now.Sub(p.Time) > limits.ProofAge:
			old = append(old, c.ID)
		}
		all = append(all, p)
	}
	for key, e := range f.History {
		if e.Verdict == attack.Succeeded && len(f.Status.ControlsOff) == 0 && !strings.Contains(key, " ") {
			found = append(found, Finding{Critical, "attack succeeded", key, fmt.Sprintf("%s got through when it was last run here, at %s", key, e.Time.Format(time.DateTime)), "lab attack run " + key})
		}
	}
	if len(none) > 0 {
		found = append(found, Finding{share(len(none), len(all)), "unproved", few(none), fmt.Sprintf("%d of %d controls never stopped an attack here", len(none), len(all)), "lab attack run; lab attack prove"})
	}
	if len(old) > 0 {
		found = append(found, Finding{Low, "unproved", few(old), fmt.Sprintf("%d of %d controls were last proved more than %s ago", len(old), len(all), limits.ProofAge), "lab attack run"})
	}
	return all, found
}

// share weighs what is true of some: of most, it is more than a blemish.
func share(some, all int) string {
	if 2*some > all {
		return Medium
	}
	return Low
}

// few names the first of many.
func few(names []string) string {
	slices.Sort(names)
	if len(names) > 3 {
		return fmt.Sprintf("%s, and %d more", strings.Join(names[:3], ", "), len(names)-3)
	}
	return strings.Join(names, ", ")
}
