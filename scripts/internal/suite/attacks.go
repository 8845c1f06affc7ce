package suite

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"redoubt.example/scripts/internal/containers"
)

// attackSteps attack the platform, and prove its controls, in both modes of the mesh. What the mesh doesn't do is the same
// in both, and so proved in one.
//
// Where time is measured, in alerts, in what an honest user waits for and in what an exercise may cost, nothing runs beside it. The
// others wait for processes that are restarted most of the time, and so run two by two.
func (s *Suite) attackSteps() []step {
	return []step{
		{name: "attacks, mode sidecar, and their alerts", run: func(ctx context.Context, into *Part) error {
			return s.attack(ctx, into, "--mode", "sidecar", "--detect")
		}},
		{name: "honest use raises no alert", run: s.honest},
		{name: "exercises, both ways", run: s.proveExercises},
		{name: "proof of all controls", lane: 1, run: func(ctx context.Context, into *Part) error { return s.prove(ctx, into, "sidecar") }},
		{name: "attacks, mode native", lane: 2, run: func(ctx context.Context, into *Part) error { return s.attack(ctx, into, "--mode", "native") }},
		{name: "proof of mesh.*, mode native", lane: 2, run: func(ctx context.Context, into *Part) error { return s.prove(ctx, into, "native", "mesh.*") }},
		{name: "attacks, in containers", lane: 2, run: s.attackContainers},
	}
}

// attack runs every attack, and those few that were inconclusive, a refusal without its record or an honest twin that wasn't
// served, once more in a lab of their own. An attack that succeeded has: it isn't asked again.
func (s *Suite) attack(ctx context.Context, into *Part, flags ...string) error {
	first, err := s.attackRun(ctx, flags)
	if err != nil {
		return err
	}
	into.Skipped = append(into.Skipped, first.skipped...)
	return s.settle(into, first, func(ids []string) (outcome, error) { return s.attackRun(ctx, flags, ids...) })
}

// attackContainers is attack where an engine answers; elsewhere it says that it was skipped.
func (s *Suite) attackContainers(ctx context.Context, into *Part) error {
	if err := containers.Check(ctx); err != nil {
		into.Skipped = append(into.Skipped, Skip{"attacks in containers", err.Error()})
		return nil
	}
	return s.attack(ctx, into, "--engine", "docker")
}

// honest has an hour of honest use, compressed in time, raise nothing.
func (s *Suite) honest(ctx context.Context, into *Part) error {
	var result struct{}
	said, err := s.verb(ctx, &result, "load", "honest", "--detect")
	if err != nil {
		return fmt.Errorf("%w\n%s", err, said)
	}
	into.Tests++
	return nil
}

// prove proves controls, and those few that weren't proved once more.
func (s *Suite) prove(ctx context.Context, into *Part, mode string, controls ...string) error {
	first, err := s.proof(ctx, mode, controls...)
	if err != nil {
		return err
	}
	return s.settle(into, first, func(ids []string) (outcome, error) { return s.proof(ctx, mode, ids...) })
}

// outcome is what a verb found, by the IDs of attacks or of controls.
type outcome struct {
	good    int
	again   []string // may have been the machine's doing
	lost    []string // no doubt about these
	skipped []Skip
	said    string
}

// settle counts an outcome, after those that may be the machine's doing were tried again.
func (s *Suite) settle(into *Part, first outcome, again func(ids []string) (outcome, error)) error {
	into.Tests += first.good
	into.Failed += len(first.lost) + len(first.again)
	if into.Failed == 0 {
		if into.Tests == 0 {
			return fmt.Errorf("nothing was attacked: %s", first.said)
		}
		return nil
	}
	into.Output += first.said
	if len(first.lost) > 0 || len(first.again) > mostRepeated {
		return nil
	}
	second, err := again(first.again)
	if err != nil {
		return err
	}
	if second.good < len(first.again) || len(second.lost)+len(second.again) > 0 {
		into.Output += second.said
		return nil
	}
	into.Tests += len(first.again)
	into.Failed, into.Output = 0, ""
	for _, id := range first.again {
		into.Unsteady = append(into.Unsteady, Unsteady{id, first.said})
	}
	return nil
}

func (s *Suite) attackRun(ctx context.Context, flags []string, ids ...string) (o outcome, err error) {
	var report struct {
		Attacks []struct {
			ID, Verdict string
			Alert       *struct {
				Rule   string
				Unseen bool
			}
		}
		Skipped []struct{ ID, Reason string }
	}
	said, err := s.verb(ctx, &report, slices.Concat([]string{"attack", "run"}, flags, ids)...)
	o.said = said
	for _, a := range report.Attacks {
		unheard := a.Alert != nil && a.Alert.Rule == "" && !a.Alert.Unseen
		switch a.Verdict {
		case "blocked", "found":
			if unheard {
				o.again = append(o.again, a.ID)
				continue
			}
			o.good++
		case "inconclusive":
			o.again = append(o.again, a.ID)
		default:
			o.lost = append(o.lost, a.ID)
		}
	}
	for _, skip := range report.Skipped {
		o.skipped = append(o.skipped, Skip{"attack " + skip.ID, skip.Reason})
	}
	return o, unlessJudged(o, err)
}

func (s *Suite) proof(ctx context.Context, mode string, controls ...string) (o outcome, err error) {
	var proof struct {
		Controls []struct {
			ID     string
			Proved bool
		}
	}
	said, err := s.verb(ctx, &proof, append([]string{"attack", "prove", "--mode", mode}, controls...)...)
	o.said = said
	for _, c := range proof.Controls {
		if c.Proved {
			o.good++
		} else {
			o.again = append(o.again, c.ID)
		}
	}
	return o, unlessJudged(o, err)
}

// unlessJudged: a verb fails when an attack or a control does, which is counted; when it fails for another reason, that is.
func unlessJudged(o outcome, err error) error {
	if len(o.lost)+len(o.again) > 0 {
		return nil
	}
	return err
}

// verb runs a verb of the lab's against a lab of its own, and reads its result.
func (s *Suite) verb(ctx context.Context, result any, args ...string) (said string, err error) {
	folder, err := os.MkdirTemp("", "redoubt-test-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(folder)
	file := filepath.Join(folder, "result.json")
	said, err = s.command(ctx, "", nil, s.Lab, append(args, "--dir", filepath.Join(folder, "lab"), "-o", file)...)
	raw, readErr := os.ReadFile(file)
	if readErr != nil {
		return said, fmt.Errorf("%w\n%s", err, said) // it didn't get as far as a result
	}
	if badResult := json.Unmarshal(raw, result); badResult != nil {
		return said, fmt.Errorf("read the result of lab %s: %w", args[0], badResult)
	}
	return said, err
}
