package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"redoubt.example/scripts/internal/exercise"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/threatmodel"
)

// exerciseVerb is the verb; what to do with exercises is a command of its own.
func (a *app) exerciseVerb() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "exercise list|start|apply|check|hint|reset|solution|stop|progress|prove",
		GroupID: groupRun,
		Short:   "Learn by mending: a platform that is broken on purpose, and attacks that say whether it is mended",
		Long: `Learn by mending. "start" breaks a running lab and makes a copy of the files that it is about; edit them there, and "apply"
or "check" puts them in force within seconds. A solution has to do three things: honest users are served, the attacks are
blocked by the control that is meant to (with that control's own record as evidence), and a request costs no more than the
exercise allows.`,
		Args: cobra.ArbitraryArgs,
		RunE: subject("exercise"),
	}
	cmd.AddCommand(a.exerciseList(), a.exerciseStart(), a.exerciseApply(), a.exerciseCheck(), a.exerciseHint(), a.exerciseReset(),
		a.exerciseSolution(), a.exerciseStop(), a.exerciseProgress(), a.exerciseProve())
	return cmd
}

// exerciseFolder, below --dir, holds the learner's copies and progress. It outlives the lab.
const exerciseFolder = "exercises"

// exercises are all there are, and the progress of whoever uses --dir.
func (a *app) exercises() ([]threatmodel.Exercise, *exercise.Progress, error) {
	all, err := threatmodel.Exercises()
	if err != nil {
		return nil, nil, err
	}
	dir, err := a.dir()
	if err != nil {
		return nil, nil, err
	}
	progress, err := exercise.ReadProgress(filepath.Join(dir.Path(), exerciseFolder))
	return all, progress, err
}

// findExercise is the one that a person names, by ID or number.
func (a *app) findExercise(name string) (threatmodel.Exercise, error) {
	all, err := threatmodel.Exercises()
	if err != nil {
		return threatmodel.Exercise{}, err
	}
	for _, e := range all {
		if name == e.ID || name == e.Number() || "0"+name == e.Number() {
			return e, nil
		}
	}
	return threatmodel.Exercise{}, exit.Mend(exit.Usagef("there is no exercise %q", name), "lab exercise list")
}

// current is the exercise that is under way, with its copy.
func (a *app) current() (e threatmodel.Exercise, c exercise.Copy, p *exercise.Progress, err error) {
	if _, p, err = a.exercises(); err != nil {
		return e, c, p, err
	}
	if p.Current == "" {
		return e, c, p, exit.Mend(exit.Usagef("no exercise is under way"), "lab exercise list"+a.dirFlag())
	}
	if e, err = a.findExercise(p.Current); err != nil {
		return e, c, p, err
	}
	c, err = a.copyOf(e)
	return e, c, p, err
}

func (a *app) copyOf(e threatmodel.Exercise) (exercise.Copy, error) {
	return a.copyIn(exerciseFolder, e.ID, e)
}

// copyIn is an exercise's copy below --dir.
func (a *app) copyIn(folder, name string, e threatmodel.Exercise) (c exercise.Copy, err error) {
	repo, err := repository()
	if err != nil {
		return c, err
	}
	dir, err := a.dir()
	if err != nil {
		return c, err
	}
	return exercise.Copy{Repo: repo, Folder: filepath.Join(dir.Path(), folder, name), Files: e.Copied()}, nil
}

func (a *app) exerciseHint() *cobra.Command {
	return &cobra.Command{
		Use:   "hint",
		Short: "One more hint; it costs points",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			e, _, p, err := a.current()
			if err != nil {
				return err
			}
			text, number, err := p.Hint(e)
			if err != nil {
				return err
			}
			hint := struct {
				Exercise string `json:"exercise"`
				Number   int    `json:"number"`
				Of       int    `json:"of"`
				Hint     string `json:"hint"`
				Worth    int    `json:"worth"` // what solving it still brings
			}{e.ID, number, len(e.Hints), text, p.Of(e.ID).Worth()}
			return a.output().Print(hint, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "hint %d of %d: %s\n\nSolving it brings %d points now.\n", number, len(e.Hints), text, hint.Worth)
				return err
			})
		},
	}
}

func (a *app) exerciseReset() *cobra.Command {
	return &cobra.Command{
		Use:   "reset",
		Short: "Break the copy anew: your changes are gone",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			e, c, _, err := a.current()
			if err != nil {
				return err
			}
			if err := c.Reset(e.Breaks); err != nil {
				return err
			}
			return a.applyExercise(cmd.Context(), e, c)
		},
	}
}

func (a *app) exerciseSolution() *cobra.Command {
	return &cobra.Command{
		Use:   "solution",
		Short: "The reference solution, with its reasons; the exercise brings no points then",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			e, _, p, err := a.current()
			if err != nil {
				return err
			}
			if err := p.Reveal(e.ID); err != nil {
				return err
			}
			return a.output().Print(e.Solution, func(w io.Writer) error {
				fmt.Fprintln(w, strings.TrimSpace(e.Solution.Reasoning))
				for _, edit := range e.Solution.Edits {
					fmt.Fprintf(w, "\n%s\n%s%s", edit.File, marked("- ", edit.Old), marked("+ ", edit.New))
				}
				return nil
			})
		},
	}
}

// marked begins each line of a text with a mark.
func marked(mark, text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(mark + strings.TrimRight(line, "\n") + "\n")
	}
	return b.String()
}

func (a *app) exerciseStop() *cobra.Command {
	return &cobra.Command{
		Use:   "stop",
		Short: "Leave the exercise: the lab is as it was, and your copy stays",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, _, p, err := a.current()
			if err != nil {
				return err
			}
			return errors.Join(a.restore(cmd.Context()), p.End())
		},
	}
}

// freshCopy makes the copy, or finds the one that was made before.
func freshCopy(c exercise.Copy, e threatmodel.Exercise) (found bool, err error) {
	_, err = exercise.NewCopy(c.Repo, c.Folder, e)
	if errors.Is(err, fs.ErrExist) {
		return true, nil
	}
	if err != nil {
		return false, errors.Join(err, os.RemoveAll(c.Folder))
	}
	return false, nil
}
