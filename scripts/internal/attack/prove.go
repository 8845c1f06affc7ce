package attack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"redoubt.example/loadtest/attacks"
	"redoubt.example/scripts/internal/control"
)

// Proof is what `lab attack prove --json` prints.
type Proof struct {
	Controls []Proved `json:"controls"`

	Skipped []Skip            `json:"-"` // controls whose attacks can't apply here
	Seen    map[string]Result `json:"-"` // by attack and control: where that one stopped it alone
}

// Proved is one control: taken away with those that back it up, its attacks succeeded, and without them it alone
// stopped them.
type Proved struct {
	ID      string   `json:"id"`
	Proved  bool     `json:"proved"`
	Attacks []string `json:"attacks"` // those that prove it

	Problems []string `json:"-"` // why it isn't proved
}

// Score is how many of the controls are proved.
func (p Proof) Score() (proved, all int) {
	for _, c := range p.Controls {
		if c.Proved {
			proved++
		}
	}
	return proved, len(p.Controls)
}

// experiment is one attack with a set of controls off. by is the control that is expected to stop it all the same, or ""
// where the attack is expected to succeed.
type experiment struct {
	attack attacks.Attack
	off    []control.Switch
	by     string
}

// key sorts experiments so that those with the same controls off follow each other.
func (e experiment) key() string {
	var names []string
	for _, o := range e.off {
		name := o.Control
		if o.Target != "" {
			name += " (" + o.Target + ")"
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// plan lists the experiments for one attack: with all of its controls off it has to succeed; with all but one off, that
// one has to stop it. So its defence is taken apart control by control.
func (p *player) plan(a attacks.Attack, wanted func(id string) bool) (all []experiment) {
	ids := a.Controls()
	without := func(keep string) (off []control.Switch) {
		for _, id := range ids {
			if id != keep {
				off = append(off, control.Switch{Control: id, Target: p.target(a, id)})
			}
		}
		return off
	}
	for _, id := range ids {
		if wanted(id) {
			all = append(all, experiment{attack: a, off: without(id), by: id})
		}
	}
	if len(all) > 0 {
		all = append(all, experiment{attack: a, off: without("")})
	}
	return all
}

// target is where a control is switched off for an attack: everywhere, unless every service has one of its own.
func (p *player) target(a attacks.Attack, id string) string {
	if _, owner, _ := p.lab.Control(id); owner == "service" || owner == "sidecar" {
		return a.Target
	}
	return ""
}

// Prove proves controls: those of ids. say hears what goes on.
func Prove(ctx context.Context, lab *Lab, all []attacks.Attack, ids []string, say func(doing string)) (proof Proof, err error) {
	places, err := lab.Client.Places(ctx)
	if err != nil {
		return proof, err
	}
	before, err := lab.Client.ControlsOff(ctx)
	if err != nil {
		return proof, err
	}
	p, err := newPlayer(ctx, lab, places)
	if err != nil {
		return proof, err
	}
	defer func() {
		_, restored := lab.Client.SwitchControls(context.WithoutCancel(ctx), before.Off)
		err = errors.Join(err, p.close(), restored)
	}()
	var experiments []experiment
	for _, a := range all {
		if lab.applies(a, places.Isolated) == "" {
			experiments = append(experiments, p.plan(a, func(id string) bool { return slices.Contains(ids, id) })...)
		}
	}
	slices.SortStableFunc(experiments, func(a, b experiment) int { return strings.Compare(a.key(), b.key()) })
	proof.Seen = map[string]Result{}
	failures := map[string]map[string]string{} // attack -> control, or "" -> what went wrong
	for n, e := range experiments {
		say(fmt.Sprintf("%d of %d: %s without %s", n+1, len(experiments), e.attack.ID, e.key()))
		problem, evidence, err := p.experiment(ctx, e)
		if err == nil && problem == "" && e.by != "" {
			r := result(e.attack)
			r.Verdict, r.BlockedBy, r.Evidence = Blocked, e.by, evidence
			r.Layer, _, _ = lab.Control(e.by)
			proof.Seen[proofKey(e.attack.ID, e.by)] = r
		}
		if err != nil {
			return proof, fmt.Errorf("%s: %w", e.attack.ID, err)
		}
		if failures[e.attack.ID] == nil {
			failures[e.attack.ID] = map[string]string{}
		}
		failures[e.attack.ID][e.by] = problem
	}
	proof.Controls = []Proved{}
	for _, id := range ids {
		if reason := lab.unprovable(id, all, places.Isolated); reason != "" {
			proof.Skipped = append(proof.Skipped, Skip{id, reason})
			continue
		}
		proof.Controls = append(proof.Controls, conclude(id, experiments, failures))
	}
	return proof, nil
}

// unprovable returns why none of the attacks on a control can be run in this lab, or "". One that no attack names is no
// such case: nobody has shown anywhere what it stops.
func (l *Lab) unprovable(id string, all []attacks.Attack, isolated bool) (reason string) {
	for _, a := range all {
		if !slices.Contains(a.Controls(), id) {
			continue
		}
		if reason = l.applies(a, isolated); reason == "" {
			return ""
		}
	}
	return reason
}

// experiment returns what went otherwise than expected, or "".
func (p *player) experiment(ctx context.Context, e experiment) (problem string, evidence Evidence, err error) {
	if _, err := p.lab.Client.SwitchControls(ctx, e.off); err != nil {
		if ctx.Err() != nil {
			return "", evidence, err
		}
		return fmt.Sprintf("%s can't be switched off: %v", e.key(), err), evidence, nil
	}
	if p.places, err = p.lab.Client.Places(ctx); err != nil { // a sidecar that was restarted has another port
		return "", evidence, err
	}
	w, err := newWatch(p.lab.Logs)
	if err != nil {
		return "", evidence, err
	}
	outcomes, err := p.perform(ctx, e.attack)
	switch {
	case err != nil && ctx.Err() != nil:
		return "", evidence, err
	case err != nil: // one that breaks proves nothing, and takes nothing from the others
		return "it couldn't be tried: " + err.Error(), evidence, nil
	}
	verdict, evidence, err := p.judge(ctx, w, e.attack, e.by, outcomes[benign], outcomes[attempt])
	switch {
	case err != nil:
		return "", evidence, err
	case outcomes[benign].Outcome != gained:
		return "its benign twin fails: " + outcomes[benign].Detail, evidence, nil
	case e.by == "" && verdict != Succeeded:
		return fmt.Sprintf("with %s off it doesn't succeed: %s", e.key(), evidence.Summary), evidence, nil
	case e.by != "" && verdict != Blocked:
		return fmt.Sprintf("%s doesn't stop it alone: %s", e.by, evidence.Summary), evidence, nil
	}
	return "", evidence, nil
}

// conclude: a control is proved by an attack that it stops alone and that succeeds without it, and no attack that is said
// to be stopped by it may show otherwise.
func conclude(id string, experiments []experiment, failures map[string]map[string]string) Proved {
	c := Proved{ID: id, Attacks: []string{}}
	for _, e := range experiments {
		if e.by != id {
			continue
		}
		problems := []string{}
		for _, by := range []string{id, ""} {
			if problem := failures[e.attack.ID][by]; problem != "" {
				problems = append(problems, e.attack.ID+": "+problem)
			}
		}
		if len(problems) == 0 {
			c.Attacks = append(c.Attacks, e.attack.ID)
		}
		c.Problems = append(c.Problems, problems...)
	}
	if len(c.Attacks) == 0 && len(c.Problems) == 0 {
		c.Problems = []string{"no attack tests it here"}
	}
	c.Proved = len(c.Attacks) > 0 && len(c.Problems) == 0
	return c
}
