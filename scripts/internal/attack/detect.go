package attack

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"redoubt.example/loadtest/attacks"
	"redoubt.example/services/platform/alert"
	"redoubt.example/threatmodel"
)

// alertWithin is how long after an attack's end its alert may be raised. What is aimed at is less, and is measured; this is when
// nobody waits any more.
const alertWithin = 3 * time.Second

// Detector hears what the lab's sentinel raises, and knows which rule belongs to which attack.
type Detector struct {
	Alerts   func(ctx context.Context, q alert.Query) ([]alert.Alert, error)
	Rules    []threatmodel.Detection
	Playbook threatmodel.Playbook
	Respond  bool // runbooks act by themselves while an attack goes on, and are undone after it

	heard []alert.Alert // since it was made, in the order of their numbers
	last  int64         // the number of the last
}

// Alert is what was raised about an attack.
type Alert struct {
	Rule string `json:"rule"` // "": none
	// DetectMS is from the attack's first step, by its event's own time, until sentinel said so; null where it had said so already.
	DetectMS *float64 `json:"detect_ms"`
	// ContainMS is from there until the first attempt that was refused for what was done about it; null where none was, and Response
	// says why.
	ContainMS *float64 `json:"contain_ms"`
	Response  *Answer  `json:"response,omitempty"` // where responses were measured
	// Already: the rule is silent for a while about the same group, since an alert of just before. By itself it would have been raised.
	Already bool `json:"already_raised,omitempty"`
	// Reason is why there is none. Unseen attacks leave no event to raise one of, and don't count.
	Reason string `json:"reason,omitempty"`
	Unseen bool   `json:"unseen,omitempty"`

	raised alert.Alert // the zero value where there is none of its own
	first  time.Time   // when the attack's first step was
}

// begin hears what was raised before an attack, so that it isn't taken for what comes of that.
func (d *Detector) begin(ctx context.Context) error { return d.listen(ctx, 0) }

// listen hears what was raised since, and waits for it if there is nothing.
func (d *Detector) listen(ctx context.Context, wait time.Duration) error {
	all, err := d.Alerts(ctx, alert.Query{After: d.last, Wait: wait})
	if err != nil {
		return fmt.Errorf("ask sentinel for its alerts: %w", err)
	}
	for _, a := range all {
		if a.Seq > d.last {
			d.heard, d.last = append(d.heard, a), a.Seq
		}
	}
	return nil
}

// find waits for the alert that belongs to an attempt. first is the time of its first event, as far as one is known.
func (d *Detector) find(ctx context.Context, a attacks.Attack, o outcome, first time.Time) (*Alert, error) {
	if a.Evidence == attacks.EvidenceKernel {
		return &Alert{Reason: "the kernel refuses it, and writes no record: there is no event", Unseen: true}, nil
	}
	began, until := time.UnixMilli(o.BeganMS), time.UnixMilli(o.EndedMS).Add(alertWithin)
	if o.BeganMS == 0 {
		return &Alert{Reason: "the attack broke"}, nil
	}
	for over := false; ; {
		if found, ok := d.raised(a, o, began); ok && !found.Raised.After(until) {
			if first.IsZero() || first.Before(began) {
				first = began
			}
			ms := float64(found.Raised.Sub(first).Microseconds()) / 1000
			return &Alert{Rule: found.Rule, DetectMS: &ms, raised: found, first: first}, nil
		}
		if over {
			break
		}
		wait := time.Until(until)
		over = wait <= 0 // what was raised in time may not have been heard yet
		if err := d.listen(ctx, max(wait, 0)); err != nil {
			return nil, err
		}
	}
	if rule, ok := d.silenced(a, o, began); ok {
		return &Alert{Rule: rule, Already: true}, nil
	}
	return &Alert{Reason: fmt.Sprintf("no alert within %s of its end", alertWithin)}, nil
}

// raised is the first alert about what happened since a moment, by a rule that the attack belongs to, and about nobody else.
func (d *Detector) raised(a attacks.Attack, o outcome, began time.Time) (first alert.Alert, ok bool) {
	for _, r := range d.heard {
		if r.Time.Before(began) || !d.belongs(r, a, o) {
			continue
		}
		if !ok || r.Raised.Before(first.Raised) {
			first, ok = r, true
		}
	}
	return first, ok
}

// silenced tells which rule would have been raised, had it not been a moment ago about the same.
func (d *Detector) silenced(a attacks.Attack, o outcome, began time.Time) (rule string, ok bool) {
	for _, r := range slices.Backward(d.heard) {
		i := slices.IndexFunc(d.Rules, func(one threatmodel.Detection) bool { return one.Name == r.Rule })
		if i >= 0 && r.Time.Before(began) && began.Sub(r.Time) < d.Rules[i].Timespan && d.belongs(r, a, o) && d.Rules[i].RecordedOf(a.ID) {
			return r.Rule, true
		}
	}
	return "", false
}

// belongs tells whether an alert can be about an attempt: its rule is the one that the attack names, is recorded of the attack, or is
// tied to the same threat; and who it is about, where that is known, is the attacker.
func (d *Detector) belongs(r alert.Alert, a attacks.Attack, o outcome) bool {
	tied := func(one threatmodel.Detection) bool {
		if a.Raises != "" {
			return one.Name == r.Rule && r.Rule == a.Raises
		}
		return one.Name == r.Rule && (one.RecordedOf(a.ID) || slices.Contains(one.Threats, a.Threat))
	}
	service := a.Vantage.Service()
	switch {
	case !slices.ContainsFunc(d.Rules, tied):
		return false
	case service != "":
		return r.Subject.Caller == "" || r.Subject.Caller == service
	case r.Subject.Address == "" || len(o.Peers) == 0:
		return true
	}
	return slices.ContainsFunc(o.Peers, func(peer string) bool { return strings.HasPrefix(peer, r.Subject.Address+":") })
}
