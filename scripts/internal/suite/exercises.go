package suite

import (
	"context"
	"fmt"
)

// proveExercises shows of every exercise that it is fair: broken it fails, and solved it passes. That cheats fail takes as long again,
// and is a job of its own in the workflow.
// Those that don't come out so are tried once more: a machine that others use can fail an honest user, too.
func (s *Suite) proveExercises(ctx context.Context, into *Part) error {
	first, err := s.exercises(ctx)
	if err != nil {
		return err
	}
	return s.settle(into, first, func(ids []string) (outcome, error) { return s.exercises(ctx, ids...) })
}

func (s *Suite) exercises(ctx context.Context, ids ...string) (o outcome, err error) {
	var proof struct {
		Exercises []struct {
			Exercise, Variant string
			Proved            bool
		}
	}
	o.said, err = s.verb(ctx, &proof, append([]string{"exercise", "prove", "--without-cheats"}, ids...)...)
	wrong := map[string]bool{}
	for _, p := range proof.Exercises {
		if !p.Proved {
			wrong[p.Exercise] = true
		}
	}
	counted := map[string]bool{}
	for _, p := range proof.Exercises {
		if counted[p.Exercise] {
			continue
		}
		counted[p.Exercise] = true
		if wrong[p.Exercise] {
			o.again = append(o.again, p.Exercise)
		} else {
			o.good++
		}
	}
	if len(proof.Exercises) == 0 {
		return o, fmt.Errorf("no exercise was tried: %w", err)
	}
	return o, unlessJudged(o, err)
}
