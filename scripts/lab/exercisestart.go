package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/exercise"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/stack"
	"redoubt.example/scripts/internal/term"
	"redoubt.example/threatmodel"
)

func (a *app) exerciseStart() *cobra.Command {
	return &cobra.Command{
		Use:   "start <exercise>",
		Short: "Break the lab, and say what happened; starts a lab of its own where none is up",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return exit.Mend(exit.Usagef("name one exercise"), "lab exercise list")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.startExercise(cmd.Context(), args[0]) },
	}
}

func (a *app) startExercise(ctx context.Context, name string) error {
	e, err := a.findExercise(name)
	if err != nil {
		return err
	}
	_, progress, err := a.exercises()
	if err != nil {
		return err
	}
	if err := a.notInterviewing(); err != nil {
		return err
	}
	if err := a.breakableLab(ctx); err != nil {
		return err
	}
	c, err := a.copyOf(e)
	if err != nil {
		return err
	}
	found, err := freshCopy(c, e)
	if err != nil {
		return err
	}
	if err := a.applyExercise(ctx, e, c); err != nil {
		return err
	}
	if err := progress.Begin(e.ID, time.Now().UTC()); err != nil {
		return err
	}
	started := struct {
		threatmodel.Exercise
		Folder string   `json:"folder"`
		Edit   []string `json:"edit"` // files of the copy
		Resume bool     `json:"resumed"`
	}{e, c.Folder, c.Files, found}
	return a.output().Print(started, func(w io.Writer) error { return a.introduce(w, e, c, found) })
}

func (a *app) introduce(w io.Writer, e threatmodel.Exercise, c exercise.Copy, resumed bool) error {
	lab, dir := invocation(), a.dirFlag()
	fmt.Fprintf(w, "%s (%s, about %s)\n\n%s\n\nEdit these, in %s:\n", e.Title, e.Level, e.Subject, strings.TrimSpace(e.Scenario), shortened(c.Folder))
	for _, file := range c.Files {
		fmt.Fprintf(w, "  %s\n", file)
	}
	if resumed {
		fmt.Fprintf(w, "\nYou have begun already: the files are as you left them. To begin anew: %s exercise reset%s\n", lab, dir)
	}
	_, err := fmt.Fprintf(w, `
Mended means: honest users are served, %s blocked%s.

  %[3]s attack run %[5]s%[4]s    # see it
  %[3]s exercise apply%[4]s    # put your files in force
  %[3]s exercise check%[4]s    # is it mended?
  %[3]s exercise hint%[4]s     # three of them; each costs points
`, isAre(e.Attacks), alarm(e)+budget(e), lab, dir, strings.Join(e.Attacks, " "))
	return err
}

func isAre(attacks []string) string {
	if len(attacks) == 1 {
		return attacks[0] + " is"
	}
	return strings.Join(attacks, " and ") + " are"
}

func alarm(e threatmodel.Exercise) string {
	if !e.Detect {
		return ""
	}
	return " and found, honest users, who make mistakes, raise no alert"
}

func budget(e threatmodel.Exercise) string {
	if e.Budget == 0 {
		return ""
	}
	return fmt.Sprintf(", and a document takes at most %d us more than on the platform as it was", e.Budget)
}

// shortened is a path as a person types it here.
func shortened(path string) string {
	wd, err := os.Getwd()
	if err != nil {
		return path
	}
	if short, err := filepath.Rel(wd, path); err == nil && !strings.HasPrefix(short, "..") {
		return short
	}
	return path
}

// breakableLab starts a lab that may be broken, where none is up.
func (a *app) breakableLab(ctx context.Context) error {
	if _, _, err := a.running(); err == nil {
		_, _, _, err := a.ready(ctx)
		return err
	}
	p := breakable()
	p.Page, p.Called, p.Flag = true, invocation(), a.dirFlag()
	if err := a.checkPlan(&p); err != nil {
		return err
	}
	if err := a.obtain(ctx, &p); err != nil {
		return err
	}
	status, err := a.startDetached(ctx, p)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "a lab is up, to be broken: %s, %s\n\n", status.GatewayURL, term.Bytes(status.RSSBytes))
	return nil
}

// breakable is the plan of a lab for exercises: it doesn't wait for the disk, as what it is measured against doesn't either.
func breakable() plan { return plan{Port: stack.DefaultPort, NoSync: true, Exercises: true} }

func (a *app) exerciseApply() *cobra.Command {
	return &cobra.Command{
		Use:   "apply",
		Short: "Put your files in force, without checking anything",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			e, c, _, err := a.current()
			if err != nil {
				return err
			}
			return a.applyExercise(cmd.Context(), e, c)
		},
	}
}

// applyExercise builds a copy and has the lab run it. What can't be built is the copy's fault, and changes nothing.
func (a *app) applyExercise(ctx context.Context, e threatmodel.Exercise, c exercise.Copy) error {
	client, record, err := a.running()
	if err != nil {
		return err
	}
	repo, cache, err := checkout()
	if err != nil {
		return err
	}
	original, err := cache.Bin(repo)
	if err != nil {
		return err
	}
	progress := term.NewProgress(os.Stderr)
	defer progress.Close()
	task := progress.Task(e.ID, "building what has changed")
	defer task.End("")
	changes, err := exercise.Build(ctx, c, original, filepath.Join(record.RunDir, "exercise"))
	if err != nil {
		return err
	}
	changes.Exercise = e.ID
	task.Say("putting it in force")
	_, err = client.Change(ctx, changes)
	return err
}

// restore has the lab run what it was started with. A lab that is gone has nothing to restore.
func (a *app) restore(ctx context.Context) error {
	client, _, err := a.running()
	if err != nil {
		return nil //nolint:nilerr // no lab: nothing is broken
	}
	_, err = client.Change(ctx, control.Changes{})
	return err
}
