package exercise

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"redoubt.example/loadtest/attacks"
	"redoubt.example/loadtest/bench"
	"redoubt.example/scripts/internal/attack"
	"redoubt.example/threatmodel"
)

// Grade is what `lab exercise check --json` prints.
type Grade struct {
	Exercise string  `json:"exercise"`
	Passed   bool    `json:"passed"`
	Checks   []Check `json:"checks"`
}

// Check is one thing that a solution has to be. Those after one that failed aren't tried: they would fail for its reason.
type Check struct {
	Name   string `json:"name"` // of threatmodel's
	Passed bool   `json:"passed"`
	Detail string `json:"detail"`
}

// Failed is the name of the check that failed; "" if all passed.
func (g Grade) Failed() string {
	for _, c := range g.Checks {
		if !c.Passed {
			return c.Name
		}
	}
	return ""
}

// Grader tries what is in place. What its functions do is the lab's.
type Grader struct {
	// Apply builds the copy and puts it in place; its error is what a learner reads.
	Apply func(ctx context.Context) error
	// Honest has honest users use the platform, and returns the first thing that failed them.
	Honest func(ctx context.Context) error
	// Quiet has honest users use the platform, with the mistakes that people make, and returns the rules that raised an alert of it.
	Quiet func(ctx context.Context) ([]string, error)
	// Lab returns the lab as it is now, to be attacked. Where attacks have to be found, it has a detector.
	Lab func(ctx context.Context) (*attack.Lab, error)
	// Cost is what a POST of a document takes more than on the platform as it was, in microseconds, measured until the interval is
	// narrow enough for a budget, or for as long as a learner waits.
	Cost func(ctx context.Context, budget int) (bench.Difference, error)
	Say  func(now string)
}

// Do tries everything that the exercise asks for. An error is something that went wrong with the trying, and no grade.
func (g Grader) Do(ctx context.Context, e threatmodel.Exercise, suite []attacks.Attack) (Grade, error) {
	grade := Grade{Exercise: e.ID, Passed: true}
	var attacked attack.Report
	var alarms []string // of honest users
	steps := []struct {
		name string
		try  func() (string, bool, error)
	}{
		{threatmodel.CheckBuild, func() (string, bool, error) { return verdict(g.Apply(ctx), "it is in place") }},
		{threatmodel.CheckHonest, func() (string, bool, error) { return verdict(g.Honest(ctx), "honest users are served") }},
		{threatmodel.CheckAttack, func() (detail string, passed bool, err error) {
			if e.Detect { // before the attacks: of whom a rule has just spoken, it is silent for a while
				if alarms, err = g.Quiet(ctx); err != nil {
					return "", false, err
				}
			}
			if attacked, err = g.attack(ctx, e, suite); err != nil {
				return "", false, err
			}
			detail, passed = stopped(attacked)
			return detail, passed, nil
		}},
		{threatmodel.CheckDetect, func() (string, bool, error) {
			detail, passed := found(attacked, alarms)
			return detail, passed, nil
		}},
		{threatmodel.CheckLatency, func() (string, bool, error) { return g.latency(ctx, e) }},
	}
	for _, step := range steps {
		if step.name == threatmodel.CheckLatency && e.Budget == 0 || step.name == threatmodel.CheckDetect && !e.Detect {
			continue
		}
		g.Say(step.name)
		detail, passed, err := step.try()
		if ctx.Err() != nil {
			return grade, ctx.Err()
		}
		if err != nil {
			return grade, fmt.Errorf("%s: %w", step.name, err)
		}
		grade.Checks = append(grade.Checks, Check{step.name, passed, detail})
		if !passed {
			grade.Passed = false
			return grade, nil
		}
	}
	return grade, nil
}

func verdict(err error, good string) (string, bool, error) {
	if err != nil {
		return err.Error(), false, nil
	}
	return good, true, nil
}

// attack runs the exercise's attacks.
func (g Grader) attack(ctx context.Context, e threatmodel.Exercise, suite []attacks.Attack) (report attack.Report, err error) {
	lab, err := g.Lab(ctx)
	if err != nil {
		return report, err
	}
	var chosen []attacks.Attack
	for _, a := range suite {
		if slices.Contains(e.Attacks, a.ID) {
			chosen = append(chosen, a)
		}
	}
	report, err = attack.Run(ctx, lab, chosen, func(string, *attack.Result) {})
	if err == nil && len(report.Attacks) == 0 {
		err = fmt.Errorf("no attack can be run here: %s", report.Skipped[0].Reason)
	}
	return report, err
}

// stopped: each attack by the control that it names, with that one's own record, while its honest twin succeeded.
func stopped(report attack.Report) (detail string, passed bool) {
	var good, bad []string
	for _, r := range report.Attacks {
		if r.Verdict == attack.Blocked {
			good = append(good, r.ID+" is stopped by "+r.BlockedBy)
			continue
		}
		bad = append(bad, fmt.Sprintf("%s: %s: %s", r.ID, r.Verdict, r.Evidence.Summary))
	}
	if len(bad) > 0 {
		return strings.Join(bad, "; "), false
	}
	return strings.Join(good, "; "), true
}

// found: each attack raised its alert in time, and honest users raised none.
func found(report attack.Report, alarms []string) (detail string, passed bool) {
	if len(alarms) > 0 {
		return "honest users, who make mistakes, are taken for attackers by " + strings.Join(alarms, ", "), false
	}
	var good, bad []string
	for _, r := range report.Attacks {
		if r.Alert.Rule == "" {
			bad = append(bad, fmt.Sprintf("%s is stopped, and nobody is told: %s", r.ID, r.Alert.Reason))
			continue
		}
		good = append(good, r.ID+" is found by "+r.Alert.Rule)
	}
	if len(bad) > 0 {
		return strings.Join(bad, "; "), false
	}
	return strings.Join(good, "; ") + "; honest users raise no alert", true
}

func (g Grader) latency(ctx context.Context, e threatmodel.Exercise) (detail string, passed bool, err error) {
	more, err := g.Cost(ctx, e.Budget)
	if err != nil {
		return "", false, err
	}
	budget := float64(e.Budget)
	if more.Contains(budget) && more.High-more.Low > 2*budget {
		return "", false, fmt.Errorf("this machine is too busy to tell: a document takes %.0f to %.0f us more than on the platform as it was, and %d are allowed; check again when nothing else runs here",
			more.Low, more.High, e.Budget)
	}
	detail = fmt.Sprintf("a document takes %.0f us more than on the platform as it was (95 %%: %.0f to %.0f); %d are allowed", more.Value, more.Low, more.High, e.Budget)
	return detail, more.Value <= budget, nil
}
