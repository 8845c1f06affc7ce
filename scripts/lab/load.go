package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"redoubt.example/infra/topology"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/k6"
	"redoubt.example/scripts/internal/load"
	"redoubt.example/scripts/internal/term"
)

func (a *app) load() *cobra.Command {
	var rate int
	var duration time.Duration
	var mode string
	var outages load.Outages
	var detect bool
	var long strings.Builder
	for _, s := range load.Scenarios {
		fmt.Fprintf(&long, "  %-11s %-66s %3d/s for %s\n", s.Name, s.Says, s.Rate, s.Duration)
	}
	cmd := &cobra.Command{
		Use:     "load <scenario>",
		GroupID: groupRun,
		Short:   "Send load with k6: " + load.Names(),
		Long: `Send load with k6, requests arriving at their rate whether or not those before were answered (open model):

` + long.String() + `
Fails when a threshold is crossed, and when the generator itself fell behind. With --without, components are stopped
meanwhile, one after the other, and it fails when a single request does. k6's own HTML report is written beside the lab's logs. Uses the lab of --dir if it is up; else starts one, and stops it afterwards.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return exit.Mend(exit.Usagef("name one scenario: %s", load.Names()), "lab help load")
			}
			s, ok := load.Find(args[0])
			if !ok {
				return exit.Mend(exit.Usagef("there is no scenario %q: it is one of %s", args[0], load.Names()), "lab help load")
			}
			if cmd.Flags().Changed("rate") {
				s.Rate = rate
			}
			if cmd.Flags().Changed("duration") {
				s.Duration = duration
			}
			if len(outages.Components) > 0 {
				if outages.Each < time.Second {
					return exit.Usagef("--away is a second at least")
				}
				if !cmd.Flags().Changed("duration") {
					s.Duration = outages.Needs()
				}
				if s.Duration < outages.Needs() {
					return exit.Usagef("with these outages a run takes %s at least", outages.Needs())
				}
			}
			if s.Rate < 4 || s.Rate > 10_000 || s.Duration < 10*time.Second || s.Duration > load.Longest {
				return exit.Usagef("a run has 4 to 10000 iterations a second, for 10s to %s", load.Longest)
			}
			return a.withLab(cmd.Context(), mode, func(ctx context.Context) error { return a.runLoad(ctx, s, outages, detect) })
		},
	}
	cmd.Flags().IntVar(&rate, "rate", 0, "iterations a second, at the scenario's height (default: the scenario's own)")
	cmd.Flags().DurationVar(&duration, "duration", 0, "how long it lasts (default: the scenario's own)")
	cmd.Flags().StringVar(&mode, "mode", "", "of the lab that is started: sidecar or native")
	cmd.Flags().StringSliceVar(&outages.Components, "without", nil, "components to stop meanwhile, such as consul,vault")
	cmd.Flags().BoolVar(&detect, "detect", false, "fail when sentinel raises an alert about it: for honest load")
	cmd.Flags().DurationVar(&outages.Each, "away", time.Minute, "how long each is stopped")
	return cmd
}

func (a *app) runLoad(ctx context.Context, s load.Scenario, outages load.Outages, detect bool) error {
	result, err := a.sendLoad(ctx, s, outages, detect)
	if err != nil {
		return err
	}
	out := a.output()
	if err := out.Print(result, func(w io.Writer) error { return writeLoad(w, out, s, result) }); err != nil {
		return err
	}
	if !result.Passed {
		return errors.New(strings.Join(result.Problems, "; "))
	}
	return nil
}

func (a *app) sendLoad(ctx context.Context, s load.Scenario, away load.Outages, detect bool) (result load.Result, err error) {
	lab, err := a.target(ctx)
	if err != nil {
		return result, err
	}
	if err := known(away, lab.Status); err != nil {
		return result, err
	}
	top, err := topology.Load()
	if err != nil {
		return result, err
	}
	repo, err := repository()
	if err != nil {
		return result, err
	}
	dir, err := a.dir()
	if err != nil {
		return result, err
	}
	target := k6.Target{Gateway: lab.Status.GatewayURL, Tokens: map[string]string{}}
	for user := range top.Users {
		if target.Tokens[user], err = lab.Token(user); err != nil {
			return result, fmt.Errorf("get a token of %s: %w", user, err)
		}
	}
	scratch, err := os.MkdirTemp(lab.RunDir, "load-")
	if err != nil {
		return result, err
	}
	defer os.RemoveAll(scratch)
	var heard *listening
	if detect {
		if heard, err = a.listen(ctx); err != nil {
			return result, err
		}
	}
	progress := term.NewProgress(os.Stderr)
	defer progress.Close()
	task := progress.Task(s.Name, fmt.Sprintf("up to %d/s for %s", s.Rate, s.Duration))
	defer task.End("")
	outages := newOutages(ctx, away, lab.Client, progress)
	began := time.Now()
	result = load.Result{Scenario: s.Name, Dashboard: filepath.Join(dir.Logs(), "load-"+s.Name+".html")}
	result.Client, err = k6.Run{
		Path: lab.K6, Scenario: filepath.Join(repo, "loadtest", "scenarios", s.Name+".js"), Target: target, CAFile: lab.Status.CAFile,
		Scratch: scratch, Duration: s.Duration, Rate: s.Rate, From: s.From, Dashboard: result.Dashboard,
		Follow: func(p k6.Progress) {
			if p.Iterations > 0 {
				outages.start()
			}
			task.Say("%s, %.0f %% of %s", p, 100*min(1, time.Since(began).Seconds()/s.Duration.Seconds()), s.Duration)
		},
	}.Do(ctx)
	result.Seconds = time.Since(began).Seconds()
	result.Outages, err = outages.finish(err)
	if result.Problems = load.Judge(s, result.Client); len(away.Components) > 0 {
		result.Problems = away.Judge(result.Outages, result.Seconds, result.Client)
	}
	if heard != nil && err == nil {
		if result.Alerts, err = heard.end(ctx); err == nil {
			result.Problems = append(result.Problems, result.Alerts.Judge()...)
		}
	}
	result.Passed = len(result.Problems) == 0
	if _, missing := os.Stat(result.Dashboard); missing != nil {
		result.Dashboard = ""
	}
	return result, err
}

func writeLoad(w io.Writer, out term.Output, s load.Scenario, r load.Result) error {
	verdict := out.Paint("passed", term.Good)
	if !r.Passed {
		verdict = out.Paint("FAILED", term.Bad)
	}
	c := r.Client
	fmt.Fprintf(w, "%s: %s, %d iterations and %d requests in %s, %.0f requests/s on average\n", s.Name, verdict, c.Iterations, c.Requests,
		term.Seconds(time.Duration(r.Seconds*float64(time.Second))), c.Rate)
	fmt.Fprintf(w, "p50 %s, p99 %s; %d failed, %d dropped by the generator, %d of %d checks passed\n", term.Millis(seconds(c.P50)), term.Millis(seconds(c.P99)),
		c.Failed, c.Dropped, c.Checks-c.FailedChecks, c.Checks)
	for _, o := range r.Outages {
		fmt.Fprintf(w, "without %s from %s to %s\n", o.Component, term.Seconds(seconds(o.From)), term.Seconds(seconds(o.Till)))
	}
	if r.Alerts != nil {
		fmt.Fprintf(w, "%d alerts raised, of %d events\n", r.Alerts.Raised, r.Alerts.Events)
	}
	if s.Breaks {
		for _, crossed := range c.Crossed {
			fmt.Fprintf(w, "gave way: %s\n", crossed)
		}
	}
	for _, problem := range r.Problems {
		fmt.Fprintf(w, "%s\n", out.Paint(problem, term.Bad))
	}
	if r.Dashboard != "" {
		fmt.Fprintf(w, "k6's report: %s\n", r.Dashboard)
	}
	return nil
}
