package threatmodel

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// longestInForce is how long an action may be in force that nobody looks at.
const longestInForce = 24 * time.Hour

// check reports everything that is wrong with one runbook.
func (r Runbook) check(name string, detections []Detection) error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if r.ID != name {
		bad("id %q isn't the file's name", r.ID)
	}
	for what, text := range map[string]string{"title": r.Title, "why": r.Why, "rollback": r.Rollback} {
		if strings.TrimSpace(text) == "" {
			bad("it has no %s", what)
		}
	}
	if !slices.Contains(Modes, r.Mode) {
		bad("mode is off, propose or auto, not %q", r.Mode)
	}
	errs = append(errs, r.Trigger.check(detections))
	if len(r.Steps) == 0 {
		bad("it has no step")
	}
	lasts := false
	for i, s := range r.Steps {
		errs = append(errs, s.check(r.Guard))
		lasts = lasts || Actions[s.Action].Lasts
		if slices.Index(r.Steps, s) != i {
			bad("step %s is there twice", s.Action)
		}
	}
	return errors.Join(append(errs, r.Guard.check(lasts))...)
}

func (t Trigger) check(detections []Detection) error {
	if len(t.Rules) == 0 {
		return errors.New("no rule triggers it")
	}
	var errs []error
	if t.Level != "" && !slices.Contains(Levels, t.Level) {
		errs = append(errs, fmt.Errorf("there is no level %q", t.Level))
	}
	for _, rule := range t.Rules {
		i := slices.IndexFunc(detections, func(d Detection) bool { return d.Name == rule })
		switch {
		case i < 0:
			errs = append(errs, fmt.Errorf("there is no detection %q", rule))
		case !t.Matches(detections[i]):
			errs = append(errs, fmt.Errorf("%s never triggers it: its level or its threats are others", rule))
		}
	}
	return errors.Join(errs...)
}

func (s Step) check(g Guard) error {
	a, ok := Actions[s.Action]
	switch {
	case !ok:
		return fmt.Errorf("there is no action %q", s.Action)
	case s.Target == "claimed":
		return fmt.Errorf("%s: what is only claimed is nobody's to act on", s.Action)
	case s.Target != a.Target:
		return fmt.Errorf("%s is done to a %s, not to a %q", s.Action, a.Target, s.Target)
	}
	if !a.Within {
		return nil
	}
	for _, service := range Spared {
		if !slices.Contains(g.Never, service) {
			return fmt.Errorf("%s: the guard has to say that it is never done to %s", s.Action, service)
		}
	}
	if g.AtOnce != 1 {
		return fmt.Errorf("%s: at_once is 1: one service at a time", s.Action)
	}
	return nil
}

func (g Guard) check(lasts bool) error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(g.Accusers) == 0 {
		bad("nobody's word is enough for it: name accusers")
	}
	if g.Evidence < 1 || g.AtOnce < 1 {
		bad("evidence and at_once are at least 1")
	}
	for name, r := range map[string]Rate{"rate": g.Rate, "each": g.Each} {
		if r.Most < 1 || r.Within < time.Minute || r.Within > longestInForce {
			bad("%s needs a most of at least 1 within 1m to %s", name, longestInForce)
		}
	}
	if g.Each.Most > g.Rate.Most {
		bad("one target may have more than all together")
	}
	switch {
	case lasts && (g.Expires < time.Minute || g.Expires > longestInForce):
		bad("what lasts expires, after 1m to %s", longestInForce)
	case !lasts && g.Expires != 0:
		bad("what doesn't last can't expire")
	}
	return errors.Join(errs...)
}

// checkUnanswered: a rule is answered, or there is a reason why it isn't, and not both.
func (p Playbook) checkUnanswered(detections []Detection) error {
	var errs []error
	for rule, reason := range p.Unanswered {
		if strings.TrimSpace(reason) == "" {
			errs = append(errs, fmt.Errorf("runbooks/%s: %s has no reason", unanswered, rule))
		}
		if !slices.ContainsFunc(detections, func(d Detection) bool { return d.Name == rule }) {
			errs = append(errs, fmt.Errorf("runbooks/%s: there is no detection %q", unanswered, rule))
		}
	}
	for _, d := range detections {
		answers := p.Answers(d)
		if _, said := p.Unanswered[d.Name]; said && len(answers) > 0 {
			errs = append(errs, fmt.Errorf("runbooks/%s says that nothing answers %s, and %s does", unanswered, d.Name, answers[0].ID))
		}
	}
	return errors.Join(errs...)
}

// Gaps are the detections that no runbook answers, and of which nothing says why.
func (p Playbook) Gaps(detections []Detection) (names []string) {
	for _, d := range detections {
		if _, said := p.Unanswered[d.Name]; !said && len(p.Answers(d)) == 0 {
			names = append(names, d.Name)
		}
	}
	return names
}
