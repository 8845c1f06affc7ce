package attack

import (
	"context"

	"redoubt.example/loadtest/attacks"
	"redoubt.example/services/platform/controls"
)

// stoppers are the controls whose record counts as the reason why an attack was blocked. In the profile that is meant for
// use it is the one that is expected, and no other. Elsewhere that one may be off: there it is whichever stands in the
// attack's way and is on, and where everything is checked again, the second check of each.
func (l *Lab) stoppers(a attacks.Attack) (ids []string) {
	if l.Strict() {
		return []string{a.BlockedBy}
	}
	off := map[string]bool{}
	for _, id := range l.Status.ControlsOff {
		off[id] = true
	}
	for _, id := range a.Controls() {
		if !off[id] {
			ids = append(ids, id)
		}
	}
	if p, err := controls.LookupProfile(l.Status.Profile); err == nil && p.Again {
		for _, id := range a.Controls() {
			ids = append(ids, controls.Again(id))
		}
	}
	if len(ids) == 0 {
		ids = []string{a.BlockedBy}
	}
	return ids
}

// Strict tells whether every attack ought to be blocked, by the control that is expected to: in the profile that is meant for
// use. In others an attack that succeeds is a finding, and no failure.
func (l *Lab) Strict() bool { return l.Status.Profile == "" || l.Status.Profile == controls.Layered }

// judgeByAny is judge, by the first of the controls that has stopped the attempt.
func (p *player) judgeByAny(ctx context.Context, w *watch, a attacks.Attack, twin, o outcome) (by string, v Verdict, e Evidence, err error) {
	if e, ok := p.keptOut(ctx, a, twin, o); ok {
		return controls.InfraNetwork, Blocked, e, nil
	}
	for i, id := range p.lab.stoppers(a) {
		verdict, evidence, err := p.judge(ctx, w, a, id, twin, o)
		if i == 0 || verdict == Blocked {
			by, v, e = id, verdict, evidence
		}
		if err != nil || verdict != Inconclusive || o.Outcome != refused {
			return by, v, e, err
		}
	}
	return by, v, e, nil
}
