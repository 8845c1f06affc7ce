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

	"redoubt.example/scripts/internal/benchproof"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/term"
)

func (a *app) benchVerify() *cobra.Command {
	var quick bool
	var only []string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Prove the harness: it finds what is there, nothing else, and broken ones are caught",
		Long: `Prove the benchmark's harness on a small service of two processes with real sockets, whose speed drifts as that of a
machine that others use. It needs no lab. Processors are kept awake.

  coverage     of 2,000 short comparisons of the service with itself, 93.5 to 96.5 % of the 95 % intervals hold zero
  slowdown     a hop that is 5 % slower is found, and named, in at least 19 of 20
  calibration  5, 20 and 100 us in one hop come back in the ledger, there, within 5 us or 10 %, with a slope of 1 within
               0.05; the truth is read from the injector's own clock
  resolution   1 us on one hop is told from nothing in the ledger
  open-loop    the p99 of a service that stands still now and then is what its clock says, within 10 %

Then the same with harnesses that are broken on purpose: pairing off (one stack after the other), and coordinated
omission (one sender that waits). They have to fail; each is left off as soon as it can't meet its figure any more. Fails
where any check doesn't end as it should. Each check is printed as it ends: all take about 15 minutes.

--quick takes 300 comparisons (91 to 98.5 %), 4 of 5 slowdowns, a slope within 0.15, 2 us, and 25 %.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, name := range only {
				if !slices.Contains(benchproof.All, name) {
					return exit.Usagef("there is no check %q: it is one of %s", name, strings.Join(benchproof.All, ", "))
				}
			}
			return a.verifyBench(cmd.Context(), quick, only)
		},
	}
	cmd.Flags().BoolVar(&quick, "quick", false, "fewer repetitions and wider bounds, for CI")
	cmd.Flags().StringSliceVar(&only, "only", nil, "make these checks alone: "+strings.Join(benchproof.All, ", "))
	return cmd
}

func (a *app) verifyBench(ctx context.Context, quick bool, only []string) error {
	result, err := runProof(ctx, quick, only)
	if ctx.Err() != nil {
		return errors.New("interrupted; everything is stopped")
	}
	if err != nil {
		return err
	}
	out := a.output()
	if err := out.Print(result, func(w io.Writer) error { return writeBenchProof(w, out, result) }); err != nil {
		return err
	}
	if problem := result.Problem(); problem != "" {
		return errors.New("the harness isn't to be believed here: " + problem)
	}
	return nil
}

func runProof(ctx context.Context, quick bool, only []string) (result benchproof.Result, err error) {
	repo, cache, err := checkout()
	if err != nil {
		return result, err
	}
	progress := term.NewProgress(os.Stderr)
	defer progress.Close()
	bin, err := cache.Programs(ctx, repo, progress, benchproof.Programs...)
	if err != nil {
		return result, err
	}
	task := progress.Task("verify", "starting")
	defer task.End("")
	return benchproof.Run(ctx, benchproof.Config{Bin: bin, Quick: quick, Only: only, Seed: uint64(time.Now().UnixNano()),
		Say: func(now string) { task.Say("%s", now) },
		Made: func(c benchproof.Check) {
			task.Note("%s: %s: %.4g, must be %s (%s): %s", c.Harness, c.What, c.Found, c.Bounds(), c.Detail, c.Verdict())
		}})
}

func writeBenchProof(w io.Writer, out term.Output, r benchproof.Result) error {
	table := &term.Table{Headers: []string{"harness", "check", ">found", "must be", "~what", "verdict"}}
	for _, c := range r.Checks {
		style := term.Good
		if !c.AsItShould {
			style = term.Bad
		}
		table.Add(term.Text(c.Harness), term.Text(c.What), term.Text(fmt.Sprintf("%.4g", c.Found)), term.Text(c.Bounds()),
			term.Text(c.Detail), term.Cell{Text: c.Verdict(), Style: style})
	}
	if err := table.Write(w, out.Colour); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s; %s, %d processors, Linux %s, %s; %.0f s\n", r.State, r.Machine.CPU, r.Machine.CPUs, r.Machine.Kernel, r.Machine.Go, r.Seconds)
	return err
}
