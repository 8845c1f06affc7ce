package suite

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// attackSteps attack the platform, and prove its controls, in both modes of the mesh. What the mesh doesn't do is the same
// in both, and so proved in one.
func (s *Suite) attackSteps() []step {
	return []step{
		{"attacks, mode sidecar", func(ctx context.Context, into *Part) error { return s.attack(ctx, into, "sidecar") }},
		{"attacks, mode native", func(ctx context.Context, into *Part) error { return s.attack(ctx, into, "native") }},
		{"proof of all controls", func(ctx context.Context, into *Part) error { return s.prove(ctx, into, "sidecar") }},
		{"proof of mesh.*, mode native", func(ctx context.Context, into *Part) error { return s.prove(ctx, into, "native", "mesh.*") }},
	}
}

func (s *Suite) attack(ctx context.Context, into *Part, mode string) error {
	var report struct {
		Attacks []struct {
			ID, Verdict string
			Evidence    struct{ Summary string }
		}
		Skipped []struct{ ID, Reason string }
	}
	said, err := s.verb(ctx, &report, "attack", "run", "--mode", mode)
	for _, a := range report.Attacks {
		if a.Verdict == "blocked" {
			into.Tests++
			continue
		}
		into.Failed++
		into.Output += fmt.Sprintf("%s %s: %s\n", a.ID, a.Verdict, a.Evidence.Summary)
	}
	for _, skip := range report.Skipped {
		into.Skipped = append(into.Skipped, Skip{"attack " + skip.ID, skip.Reason})
	}
	return verdict(into, said, err)
}

func (s *Suite) prove(ctx context.Context, into *Part, mode string, controls ...string) error {
	var proof struct {
		Controls []struct {
			ID     string
			Proved bool
		}
	}
	said, err := s.verb(ctx, &proof, append([]string{"attack", "prove", "--mode", mode}, controls...)...)
	for _, c := range proof.Controls {
		if c.Proved {
			into.Tests++
		} else {
			into.Failed++
		}
	}
	return verdict(into, said, err)
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

// verdict: what failed is counted; a verb that fails for another reason says so itself.
func verdict(into *Part, said string, err error) error {
	if into.Failed > 0 {
		into.Output += said
		return nil
	}
	if err == nil && into.Tests == 0 {
		return fmt.Errorf("nothing was attacked: %s", said)
	}
	return err
}
