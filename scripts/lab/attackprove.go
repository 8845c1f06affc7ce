package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"redoubt.example/loadtest/attacks"
	"redoubt.example/scripts/internal/attack"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/term"
	"redoubt.example/services/platform/controls"
)

func (a *app) attackProve() *cobra.Command {
	var mode string
	cmd := &cobra.Command{
		Use:   "prove [control|pattern]...",
		Short: "Take each control away and see its attacks succeed; keep it alone and see it stop them",
		Long: `Prove controls, all or those that are named: "mesh.*". For each attack, all controls that stand in its way are switched
off: it has to succeed. Then all but one: that one has to stop it, and say so itself. Only the process that enforces a
control is restarted. Fails on any control that isn't proved.

Uses the lab of --dir if it is up, and leaves it as it was; else starts one, and stops it afterwards.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			ids, err := selectControls(args)
			if err != nil {
				return err
			}
			all, err := selectAttacks(nil)
			if err != nil {
				return err
			}
			undo, err := setAttackLab()
			if err != nil {
				return err
			}
			defer undo()
			return a.withPlan(cmd.Context(), plan{Mode: mode, Page: true, Called: invocation(), Flag: a.dirFlag()}, func(ctx context.Context) error { return a.prove(ctx, all, ids) })
		},
	}
	cmd.Flags().StringVar(&mode, "mode", "", "of the lab that is started: sidecar or native")
	return cmd
}

// selectControls are those that a person names; all when none is named.
func selectControls(names []string) (ids []string, err error) {
	if len(names) == 0 {
		names = []string{"*"}
	}
	for _, name := range names {
		if _, err := path.Match(name, ""); err != nil {
			return nil, exit.Usagef("%q is no pattern: %w", name, err)
		}
		found := false
		for _, c := range controls.All() {
			if matches, _ := path.Match(name, c.ID); matches {
				found = true
				if !slices.Contains(ids, c.ID) {
					ids = append(ids, c.ID)
				}
			}
		}
		if !found {
			return nil, exit.Mend(exit.Usagef("no control is named %q", name), "lab control list")
		}
	}
	return ids, nil
}

func (a *app) prove(ctx context.Context, all []attacks.Attack, ids []string) error {
	lab, err := a.target(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	progress := term.NewProgress(os.Stderr)
	task := progress.Task("prove", "begins")
	proof, err := attack.Prove(ctx, lab, all, ids, func(doing string) { task.Say("%s", doing) })
	task.End("")
	progress.Close()
	if err != nil {
		return err
	}
	dir, err := a.dir()
	if err != nil {
		return err
	}
	if err := attack.RememberProof(dir.Path(), lab.Status.Mode, proof, began); err != nil {
		return err
	}
	out := a.output()
	if err := out.Print(proof, func(w io.Writer) error { return writeProof(w, out, proof, time.Since(began)) }); err != nil {
		return err
	}
	if proved, of := proof.Score(); proved < of {
		return fmt.Errorf("%d of %d controls are not proved", of-proved, of)
	}
	return nil
}

func writeProof(w io.Writer, out term.Output, p attack.Proof, took time.Duration) error {
	table := &term.Table{Headers: []string{"control", "proved", "~by the attacks that it stops and that succeed without it"}}
	for _, c := range p.Controls {
		state := term.Cell{Text: "yes", Style: term.Good}
		if !c.Proved {
			state = term.Cell{Text: "NO", Style: term.Bad}
		}
		table.Add(term.Text(c.ID), state, term.Text(strings.Join(c.Attacks, ", ")))
	}
	if err := table.Write(w, out.Colour); err != nil {
		return err
	}
	for _, c := range p.Controls {
		for _, problem := range c.Problems {
			fmt.Fprintf(w, "\n%s: %s", out.Paint(c.ID, term.Bad), problem)
		}
	}
	for _, skip := range p.Skipped {
		fmt.Fprintf(w, "\nskipped: %s: every attack that tests it %s", skip.ID, skip.Reason)
	}
	proved, of := p.Score()
	style := term.Good
	if proved < of {
		style = term.Bad
	}
	if proved < of || len(p.Skipped) > 0 {
		fmt.Fprintln(w)
	}
	_, err := fmt.Fprintf(w, "\n%s, in %s\n", out.Paint(fmt.Sprintf("%d of %d controls proved: %.0f %%", proved, of, 100*float64(proved)/float64(max(of, 1))), style),
		term.Seconds(took))
	return err
}
