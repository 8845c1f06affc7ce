package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"redoubt.example/loadtest/bench"
	"redoubt.example/scripts/internal/attack"
	"redoubt.example/scripts/internal/exercise"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/platformbench"
	"redoubt.example/scripts/internal/term"
	"redoubt.example/threatmodel"
)

const (
	// longestCost is how long a solution's cost is measured at most. It is enough once the interval reaches a share of the budget to
	// either side.
	longestCost = time.Minute
	enoughOf    = 2
)

func (a *app) exerciseCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Is it mended? Attacks it, uses it honestly, and measures what it costs",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			e, c, progress, err := a.current()
			if err != nil {
				return err
			}
			grade, err := a.grade(cmd.Context(), e, c)
			if err != nil {
				return err
			}
			entry, err := progress.Checked(e.ID, grade.Passed, time.Now().UTC())
			if err != nil {
				return err
			}
			out := a.output()
			if err := out.Print(grade, func(w io.Writer) error {
				if err := writeGrade(w, out, grade); err != nil || !grade.Passed {
					return err
				}
				return a.congratulate(w, out, entry)
			}); err != nil {
				return err
			}
			if !grade.Passed {
				return exit.Mend(fmt.Errorf("not mended yet: %s", grade.Failed()), "lab exercise hint"+a.dirFlag())
			}
			return nil
		},
	}
}

func writeGrade(w io.Writer, out term.Output, g exercise.Grade) error {
	for _, c := range g.Checks {
		verdict := out.Paint("ok", term.Good)
		if !c.Passed {
			verdict = out.Paint("no", term.Bad)
		}
		if _, err := fmt.Fprintf(w, "%-8s %s  %s\n", c.Name, verdict, c.Detail); err != nil {
			return err
		}
	}
	return nil
}

// congratulate says what solving it has brought, and what can be done next.
func (a *app) congratulate(w io.Writer, out term.Output, entry exercise.Entry) error {
	_, err := fmt.Fprintf(w, `
%s: %d points

  %[3]s exercise solution%[4]s    # the reference solution, with its reasons
  %[3]s exercise list%[4]s        # and the next: exercise start
  %[3]s exercise stop%[4]s        # the lab as it was; down ends it
`, out.Paint("solved", term.Good), entry.Points, invocation(), a.dirFlag())
	return err
}

// grade tries what is in the copy on the lab that is up.
func (a *app) grade(ctx context.Context, e threatmodel.Exercise, c exercise.Copy) (exercise.Grade, error) {
	suite, err := selectAttacks(nil)
	if err != nil {
		return exercise.Grade{}, err
	}
	if _, err := a.obtainK6(ctx); err != nil { // before there is a display of its own
		return exercise.Grade{}, err
	}
	return exercise.Grader{
		Apply: func(ctx context.Context) error { return a.applyExercise(ctx, e, c) },
		Honest: func(ctx context.Context) error {
			if e.ChangesVault() {
				if err := a.renewLogins(ctx); err != nil {
					return err
				}
			}
			return a.useHonestly(ctx)
		},
		Quiet: a.useQuietly,
		Lab: func(ctx context.Context) (*attack.Lab, error) {
			lab, err := a.target(ctx)
			if err == nil && e.Detect {
				lab.Detector, err = a.detector()
			}
			return lab, err
		},
		Cost: a.cost,
		Say:  func(string) {},
	}.Do(ctx, e, suite)
}

// cost measures the lab that is up beside one as it comes. As found: what keeps processors awake does it for its own session alone,
// and a detached lab has another, where it would compete like anybody (sched(7), "The autogroup feature").
func (a *app) cost(ctx context.Context, budget int) (more bench.Difference, err error) {
	repo, cache, err := checkout()
	if err != nil {
		return more, err
	}
	progress := term.NewProgress(os.Stderr)
	defer progress.Close()
	bin, err := cache.Programs(ctx, repo, progress, "./loadtest/bench/background")
	if err != nil {
		return more, err
	}
	cfg := platformbench.Config{State: bench.AsFound, Background: filepath.Join(bin, "background")}
	if cfg.Lab.Path, err = os.Executable(); err != nil {
		return more, err
	}
	cfg.Lab.Repo = repo
	if cfg.Scratch, err = os.MkdirTemp("", "redoubt-exercise-"); err != nil {
		return more, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(cfg.Scratch)) }()
	task := progress.Task("latency", "starting the platform as it was")
	defer task.End("")
	cfg.Say = func(now string) { task.Say("%s", now) }
	dir, err := a.dir()
	if err != nil {
		return more, err
	}
	cfg.Plan.Narrow = float64(budget) / enoughOf
	return platformbench.Beside(ctx, cfg, dir, longestCost)
}
