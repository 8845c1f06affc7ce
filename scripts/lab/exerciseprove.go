package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"redoubt.example/scripts/internal/exercise"
	"redoubt.example/scripts/internal/term"
	"redoubt.example/threatmodel"
)

// provenExercise is one line of `lab exercise prove --json`.
type provenExercise struct {
	Exercise string  `json:"exercise"`
	Variant  string  `json:"variant"`  // broken, solution, or a cheat's name
	Expected string  `json:"expected"` // the check that has to fail; "": none
	Failed   string  `json:"failed"`
	Proved   bool    `json:"proved"`
	Detail   string  `json:"detail"` // of the last check
	Seconds  float64 `json:"seconds"`
}

func (a *app) exerciseProve() *cobra.Command {
	var withoutCheats bool
	cmd := &cobra.Command{
		Use:   "prove [exercise]...",
		Short: "Show that exercises are fair: broken they fail, solved they pass, and cheats fail",
		Long: `Show that exercises are fair, all or those that are named: as they are broken the attacks get through, with the reference
solution every check passes, and each cheat fails the very check that has to see through it. For whoever writes one, and for CI.

Starts a lab, and stops it afterwards.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			chosen, err := a.chosenExercises(args)
			if err != nil {
				return err
			}
			if withoutCheats {
				for i := range chosen {
					chosen[i].Cheats = nil
				}
			}
			return a.withOwnLab(cmd.Context(), breakable(), func(ctx context.Context) error { return a.proveExercises(ctx, chosen) })
		},
	}
	cmd.Flags().BoolVar(&withoutCheats, "without-cheats", false, "leave the cheats out: broken and solved alone, in half the time")
	return cmd
}

func (a *app) chosenExercises(names []string) (chosen []threatmodel.Exercise, err error) {
	if len(names) == 0 {
		return threatmodel.Exercises()
	}
	for _, name := range names {
		e, err := a.findExercise(name)
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, e)
	}
	return chosen, nil
}

func (a *app) proveExercises(ctx context.Context, chosen []threatmodel.Exercise) error {
	result := struct {
		Exercises []provenExercise `json:"exercises"`
	}{[]provenExercise{}}
	for _, e := range chosen {
		proven, err := a.proveExercise(ctx, e)
		if err != nil {
			return fmt.Errorf("%s: %w", e.ID, err)
		}
		result.Exercises = append(result.Exercises, proven...)
	}
	out := a.output()
	if err := out.Print(result, func(w io.Writer) error {
		table := &term.Table{Headers: []string{"exercise", "~variant", "fails at", "", ">time"}}
		for _, p := range result.Exercises {
			verdict := term.Cell{Text: "as it should", Style: term.Good}
			if !p.Proved {
				verdict = term.Cell{Text: "WRONG: " + p.Detail, Style: term.Bad}
			}
			table.Add(term.Text(p.Exercise), term.Text(p.Variant), term.Text(p.Failed), verdict, term.Text(term.Seconds(time.Duration(p.Seconds*float64(time.Second)))))
		}
		return table.Write(w, out.Colour)
	}); err != nil {
		return err
	}
	if i := slices.IndexFunc(result.Exercises, func(p provenExercise) bool { return !p.Proved }); i >= 0 {
		p := result.Exercises[i]
		return fmt.Errorf("%s, %s: it fails at %q, and should at %q: %s", p.Exercise, p.Variant, p.Failed, p.Expected, p.Detail)
	}
	return nil
}

// ungraded is where a variant fails that couldn't be graded.
const ungraded = "grading"

func (a *app) proveExercise(ctx context.Context, e threatmodel.Exercise) (proven []provenExercise, err error) {
	scratch, err := os.MkdirTemp("", "redoubt-exercise-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	c, err := a.copyOf(e)
	if err != nil {
		return nil, err
	}
	if c, err = exercise.NewCopy(c.Repo, filepath.Join(scratch, e.ID), e); err != nil {
		return nil, err
	}
	variants := []struct {
		name, fails string
		edits       []threatmodel.Edit
	}{{"broken", e.Fails(), nil}, {"solution", "", e.Solution.Edits}}
	for _, cheat := range e.Cheats {
		variants = append(variants, struct {
			name, fails string
			edits       []threatmodel.Edit
		}{cheat.Name, cheat.Refused, cheat.Edits})
	}
	for _, v := range variants {
		began := time.Now()
		if err := c.Reset(e.Breaks); err != nil {
			return proven, err
		}
		if err := c.Edit(v.edits); err != nil {
			return proven, fmt.Errorf("%s: %w", v.name, err)
		}
		grade, err := a.grade(ctx, e, c)
		switch {
		case err != nil && ctx.Err() != nil:
			return proven, fmt.Errorf("%s: %w", v.name, err)
		case err != nil: // such as a machine that is too busy to tell: nothing is proved, and the others are
			proven = append(proven, provenExercise{e.ID, v.name, v.fails, ungraded, false, err.Error(), time.Since(began).Seconds()})
			continue
		}
		proven = append(proven, provenExercise{e.ID, v.name, v.fails, grade.Failed(), grade.Failed() == v.fails,
			grade.Checks[len(grade.Checks)-1].Detail, time.Since(began).Seconds()})
	}
	return proven, a.restore(ctx)
}
