package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"redoubt.example/loadtest/attacks"
	"redoubt.example/scripts/internal/attack"
	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/reach"
	"redoubt.example/scripts/internal/term"
	"redoubt.example/threatmodel"
)

// attackOutputs are the files beside the table that CI systems read.
type attackOutputs struct{ junit, sarif string }

// watching is what is waited for beside an attack's verdict.
type watching struct {
	detect  bool
	respond string
}

func (w watching) check() error {
	switch mode := threatmodel.Mode(w.respond); {
	case mode != threatmodel.Off && mode != threatmodel.Auto:
		return exit.Usagef("--respond is off or auto, not %q", w.respond)
	case mode == threatmodel.Auto && !w.detect:
		return exit.Usagef("--respond auto is about alerts: say --detect, too")
	}
	return nil
}

func (a *app) attackRun() *cobra.Command {
	var mode, profile, engine string
	var files attackOutputs
	var watch watching
	cmd := &cobra.Command{
		Use:   "run [ID|pattern]...",
		Short: "Run attacks, all or those that are named, and judge each by evidence",
		Long: `Run attacks, all or those that are named. Each is blocked only if the control that is said to stop it has left its own
record of this very attempt, and if the honest twin of the attack succeeds in the same run. Fails on anything else.

In a lab of another profile than layered, an attack that succeeds is a finding and no failure, and the record of any control
that stands in its way and is on will do; only an attack of which nothing can be said fails the run. With all attacks, the
reach of a compromised notification is measured, too.

With --detect each attack has to be found, too: sentinel has to raise an alert that belongs to it, by a rule of threatmodel/detections,
before the attack is over for three seconds. It prints how long that took from the attack's first event.

With --respond auto, too, the runbooks act by themselves while an attack goes on, and its attacker goes on with what he has until an
attempt is refused for what was done about him: it prints how long that took from the attack's first event, and where nothing was
done, why. What a guard leaves to a person, such as the third isolation in an hour, the run approves. After each attack
everything is undone; one that was cut short is repeated without a response, for its verdict.

Uses the lab of --dir if it is up; else starts one, and stops it afterwards.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			chosen, err := selectAttacks(args)
			if err == nil {
				err = watch.check()
			}
			if err != nil {
				return err
			}
			undo, err := setAttackLab()
			if err != nil {
				return err
			}
			defer undo()
			return a.withPlan(cmd.Context(), plan{Engine: engine, Profile: profile, Mode: mode, Page: engine != control.Docker, Called: invocation(), Flag: a.dirFlag()}, func(ctx context.Context) error {
				return a.runAttacks(ctx, chosen, files, watch, len(args) == 0)
			})
		},
	}
	cmd.Flags().StringVar(&mode, "mode", "", "of the lab that is started: sidecar or native")
	cmd.Flags().StringVar(&engine, "engine", "", "of the lab: process or docker")
	cmd.Flags().StringVar(&profile, "profile", "", "of the lab: "+strings.Join(profileNames(), ", "))
	cmd.Flags().BoolVar(&watch.detect, "detect", false, "wait for the alert that belongs to each attack; one without is a failure")
	cmd.Flags().StringVar(&watch.respond, "respond", "off", "with --detect, in a lab of processes: off, or auto to have the runbooks act, and measure until the attacker is refused")
	cmd.Flags().StringVar(&files.junit, "junit", "", "write the verdicts as JUnit XML to this file, too")
	cmd.Flags().StringVar(&files.sarif, "sarif", "", "write what wasn't blocked as SARIF 2.1.0 to this file, too")
	return cmd
}

func (a *app) runAttacks(ctx context.Context, chosen []attacks.Attack, files attackOutputs, watch watching, withReach bool) error {
	lab, err := a.target(ctx)
	if err == nil && watch.respond == string(threatmodel.Auto) && lab.Status.Engine == control.Docker {
		err = exit.Usagef("--respond goes on as the attacker until he is refused, which it can in a lab of processes alone")
	}
	if err == nil && watch.detect {
		lab.Detector, err = a.detector()
	}
	if err != nil {
		return err
	}
	if watch.detect {
		lab.Detector.Respond = watch.respond == string(threatmodel.Auto)
	}
	began := time.Now()
	progress := term.NewProgress(os.Stderr)
	task := progress.Task("attacks", fmt.Sprintf("%d to run", len(chosen)))
	n := 0
	report, err := attack.Run(ctx, lab, chosen, func(doing string, done *attack.Result) {
		if done == nil {
			n++
			task.Say("%d of %d: %s", n, len(chosen), doing)
		}
	})
	if err == nil && withReach {
		task.Say("what a compromised %s can use", reach.From)
		var measured reach.Report
		measured, err = reach.Measure(ctx, lab)
		report.Reach = &measured.Reach
	}
	task.End("")
	progress.Close()
	if err != nil {
		return err
	}
	dir, err := a.dir()
	if err != nil {
		return err
	}
	if err := errors.Join(attack.Remember(dir.Path(), lab.Status.Mode, report, began), writeFiles(report, files)); err != nil {
		return err
	}
	out := a.output()
	if err := out.Print(report, func(w io.Writer) error { return writeAttacks(w, out, report, time.Since(began)) }); err != nil {
		return err
	}
	switch d := report.Detected; {
	case !report.Seen():
		return fmt.Errorf("%d of %d attacks raised no alert of their own", d.Of-d.Found, d.Of)
	case !report.Contained():
		return fmt.Errorf("%d attacks went on in spite of what was done about them", d.Missed)
	}
	if !lab.Strict() {
		if n := report.Count(attack.Inconclusive); n > 0 {
			return fmt.Errorf("of %d of %d attacks nothing can be said", n, len(report.Attacks))
		}
		return nil
	}
	if !report.Good() {
		return fmt.Errorf("%d of %d attacks were not blocked with evidence", len(report.Attacks)-report.Count(attack.Blocked)-report.Count(attack.Found), len(report.Attacks))
	}
	return nil
}

func writeFiles(r attack.Report, files attackOutputs) error {
	var errs []error
	if files.junit != "" {
		errs = append(errs, writeFile(files.junit, func(w io.Writer) error { return attack.WriteJUnit(w, r) }))
	}
	if files.sarif != "" {
		errs = append(errs, writeFile(files.sarif, func(w io.Writer) error { return attack.WriteSARIF(w, r) }))
	}
	return errors.Join(errs...)
}

func writeFile(path string, write func(io.Writer) error) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(write(file), file.Close())
}

func writeAttacks(w io.Writer, out term.Output, r attack.Report, took time.Duration) error {
	table := &term.Table{Headers: []string{"attack", "verdict", "stopped by", "~evidence"}}
	if r.Detected != nil {
		table.Headers = []string{"attack", "verdict", "stopped by", "~alert", "after"}
	}
	answers := slices.ContainsFunc(r.Attacks, func(one attack.Result) bool { return one.Alert != nil && one.Alert.Response != nil })
	if answers {
		table.Headers = []string{"attack", "verdict", "~alert", ">after", ">contained"} // who stopped it is in the JSON
	}
	for _, one := range r.Attacks {
		row := []term.Cell{term.Text(one.ID), verdictCell(one.Verdict), term.Text(one.BlockedBy)}
		if answers {
			table.Add(append(append(row[:2], alertCells(one.Alert)...), containCell(one.Alert))...)
			continue
		}
		if r.Detected != nil {
			table.Add(append(row, alertCells(one.Alert)...)...)
			continue
		}
		table.Add(append(row, term.Text(one.Evidence.Summary))...)
	}
	if err := table.Write(w, out.Colour); err != nil {
		return err
	}
	for _, one := range r.Attacks { // what a table would cut
		if one.Verdict != attack.Blocked && one.Verdict != attack.Found {
			fmt.Fprintf(w, "\n%s %s: %s\n", out.Paint(string(one.Verdict), term.Bad), one.ID, one.Evidence.Summary)
		}
	}
	if len(r.Skipped) > 0 {
		fmt.Fprintln(w)
	}
	for _, s := range r.Skipped {
		fmt.Fprintf(w, "skipped: %s: %s\n", s.ID, s.Reason)
	}
	if r.Detected != nil {
		if err := writeDetected(w, out, r); err != nil {
			return err
		}
	}
	parts := []string{fmt.Sprintf("%d of %d attacks blocked, with evidence", r.Count(attack.Blocked), len(r.Attacks)-r.Count(attack.Found))}
	if n := r.Count(attack.Found); n > 0 {
		parts[0] += fmt.Sprintf(", and %d that nothing stops were found", n)
	}
	for _, v := range []attack.Verdict{attack.Succeeded, attack.Inconclusive} {
		if n := r.Count(v); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, v))
		}
	}
	style := term.Good
	if !r.Good() {
		style = term.Bad
	}
	_, err := fmt.Fprintf(w, "\n%s, in %s\n", out.Paint(strings.Join(parts, ", "), style), term.Seconds(took))
	return err
}

func verdictCell(v attack.Verdict) term.Cell {
	if v == attack.Blocked || v == attack.Found {
		return term.Cell{Text: string(v), Style: term.Good}
	}
	return term.Cell{Text: string(v), Style: term.Bad}
}
