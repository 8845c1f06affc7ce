package attack

import (
	"context"
	"errors"
	"fmt"
	"time"

	"redoubt.example/loadtest/attacks"
	"redoubt.example/services/platform/controls"
)

// Run runs attacks one after the other. say hears which, and after each what became of it; it may be nil.
func Run(ctx context.Context, lab *Lab, all []attacks.Attack, say func(doing string, done *Result)) (report Report, err error) {
	report = Report{Attacks: []Result{}, Skipped: []Skip{}}
	report.Profile = lab.Status.Profile
	if len(lab.Deviation) > 0 {
		return report, fmt.Errorf("controls are switched off, or on, beside what the profile says: %v", lab.Deviation)
	}
	places, err := lab.Client.Places(ctx)
	if err != nil {
		return report, err
	}
	p, err := newPlayer(ctx, lab, places)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	for _, a := range all {
		if reason := lab.applies(a, places.Isolated); reason != "" {
			report.Skipped = append(report.Skipped, Skip{a.ID, reason})
			continue
		}
		say(a.ID, nil)
		r, err := p.run(ctx, a)
		if err != nil {
			return report, fmt.Errorf("%s: %w", a.ID, err)
		}
		report.Attacks = append(report.Attacks, r)
		say(a.ID, &r)
	}
	report.Blocked, report.Total = report.Count(Blocked), len(report.Attacks)
	if lab.Detector != nil {
		report.Detected = sumUp(report.Attacks)
	}
	return report, nil
}

// run is one attack with its benign twin.
func (p *player) run(ctx context.Context, a attacks.Attack) (Result, error) {
	r := result(a)
	began := time.Now()
	w, err := newWatch(p.lab.Logs)
	if err != nil {
		return r, err
	}
	if p.lab.Detector != nil {
		if err := p.lab.Detector.begin(ctx); err != nil {
			return r, err
		}
	}
	var u *pursuit
	if p.lab.Detector != nil && p.lab.Detector.Respond && pursued(a) {
		if u, err = p.pursue(ctx); err != nil {
			return r, err
		}
	}
	outcomes, err := p.perform(ctx, a)
	switch {
	case err == nil:
		err = p.conclude(ctx, w, a, outcomes, &r)
	case ctx.Err() == nil: // one that breaks shows nothing, and takes nothing from the others
		r.Verdict, r.Evidence, err = Inconclusive, Evidence{Summary: "it couldn't be tried: " + err.Error()}, nil
		if p.lab.Detector != nil {
			r.Alert = &Alert{Reason: "the attack broke"}
		}
	}
	if u != nil {
		cut, endErr := u.end(ctx, r.Alert)
		if err = errors.Join(err, endErr); err == nil && cut {
			err = p.again(ctx, a, &r)
		}
	}
	r.Took = time.Since(began)
	return r, err
}

// conclude is the verdict on what was performed, and the alert that belongs to it.
func (p *player) conclude(ctx context.Context, w *watch, a attacks.Attack, outcomes map[string]outcome, r *Result) (err error) {
	if a.Evidence != attacks.EvidenceAlert {
		r.BlockedBy, r.Verdict, r.Evidence, err = p.judgeByAny(ctx, w, a, outcomes[benign], outcomes[attempt])
		r.Layer, _, _ = p.lab.Control(controls.First(r.BlockedBy))
	}
	if err == nil && p.lab.Detector != nil && r.Alert == nil {
		r.Alert, err = p.lab.Detector.find(ctx, a, outcomes[attempt], w.first(outcomes[attempt]))
	}
	if err == nil && a.Evidence == attacks.EvidenceAlert {
		r.Verdict, r.Evidence = judgeFound(r.Alert, outcomes[benign], outcomes[attempt])
	}
	return err
}

// again repeats, without any response, an attack that the response has cut short: what it left behind is reverted, and the verdict is
// about what the controls do. An alert that wasn't raised, since another's response came before, is waited for again.
func (p *player) again(ctx context.Context, a attacks.Attack, r *Result) error {
	if (r.Verdict == Blocked || r.Verdict == Found) && r.Alert.Rule != "" {
		leaves, err := p.wants(a, "export function revert")
		if err == nil && leaves {
			_, err = p.play(ctx, a, revert)
		}
		return err
	}
	var other *Answer
	if r.Alert.Rule == "" {
		if err := p.lab.Detector.begin(ctx); err != nil {
			return err
		}
		r.Alert, other = nil, &Answer{None: "the response to another alert came before its own was raised"}
	}
	w, err := newWatch(p.lab.Logs)
	if err != nil {
		return err
	}
	outcomes, err := p.perform(ctx, a)
	if err != nil {
		return err
	}
	err = p.conclude(ctx, w, a, outcomes, r)
	if err == nil && other != nil && r.Alert.Rule != "" {
		r.Alert.Response = other
	}
	return err
}

// result is an attack's, before there is one.
func result(a attacks.Attack) Result {
	return Result{ID: a.ID, Threat: a.Threat, Vantage: string(a.Vantage), BlockedBy: a.BlockedBy, Title: a.Title, Technique: a.Technique}
}

// Revert takes away what attacks left behind.
func Revert(ctx context.Context, lab *Lab, all []attacks.Attack) (reverted []string, err error) {
	places, err := lab.Client.Places(ctx)
	if err != nil {
		return nil, err
	}
	p, err := newPlayer(ctx, lab, places)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	for _, a := range all {
		if lab.applies(a, places.Isolated) != "" {
			continue
		}
		outcomes, err := p.play(ctx, a, revert)
		if err != nil {
			return reverted, err
		}
		if o, ok := outcomes[revert]; ok && o.Outcome == broken {
			return reverted, fmt.Errorf("revert %s: %s", a.ID, o.Detail)
		}
		reverted = append(reverted, a.ID)
	}
	return reverted, nil
}
