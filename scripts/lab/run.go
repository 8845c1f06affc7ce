package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/hops"
	"redoubt.example/scripts/internal/k6"
	"redoubt.example/scripts/internal/labdir"
	"redoubt.example/scripts/internal/stack"
	"redoubt.example/scripts/internal/term"
)

type runOptions struct {
	duration time.Duration
	rate     int
	noMatrix bool
	within   time.Duration // that the matrix takes
}

// runResult is what `lab run --json` prints.
type runResult struct {
	Passed   bool       `json:"passed"`
	Problems []string   `json:"problems"`
	Client   k6.Summary `json:"client"`
	Hops     []hops.Row `json:"hops"`
}

func (a *app) runVerb() *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:     "run",
		GroupID: groupStart,
		Short:   "Send traffic through every hop and show what happened at each; starts a lab if none is up",
		Long: `Send honest traffic through every hop with k6 and show, for each hop and route, requests, errors and latency.

Uses the lab of --dir if it is up; else starts one, and stops it afterwards. Fails when a hop saw no request or
an error.

It ends with the matrix: what each profile of controls adds to a request, measured in short, side by side with a platform
that has none; ` + "`lab bench`" + ` takes its time for it. What doesn't fit into --matrix-time is left out, and said to be.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.duration < time.Second || o.rate < 10 {
				return exit.Usagef("a run takes at least 1s of at least 10 iterations per second")
			}
			if o.within < 10*time.Second || o.within > time.Hour {
				return exit.Usagef("the matrix takes 10s to 1h; --no-matrix leaves it out")
			}
			if err := a.run(cmd.Context(), o); err != nil || o.noMatrix {
				return err
			}
			return a.matrix(cmd.Context(), o.within)
		},
	}
	cmd.Flags().DurationVar(&o.duration, "duration", 20*time.Second, "how long k6 sends")
	cmd.Flags().IntVar(&o.rate, "rate", 20, "iterations that k6 starts per second; each is one to three requests")
	cmd.Flags().BoolVar(&o.noMatrix, "no-matrix", false, "end with the hops, without measuring profiles")
	cmd.Flags().DurationVar(&o.within, "matrix-time", 2*time.Minute, "about how long to measure profiles, with starting them; what would end later is left out")
	return cmd
}

func (a *app) run(ctx context.Context, o runOptions) error {
	dir, err := a.dir()
	if err != nil {
		return err
	}
	generator, err := a.obtainK6(ctx)
	if err != nil {
		return err
	}
	_, err = dir.Running()
	switch {
	case err == nil:
		result, err := a.traffic(ctx, generator, o, hopsSoFar)
		if err != nil {
			return err
		}
		return a.conclude(result)
	case !errors.Is(err, labdir.ErrNotRunning):
		return err
	}
	var result runResult
	err = a.withOwnLab(ctx, plan{Mode: stack.Modes[0], Port: stack.DefaultPort}, func(ctx context.Context) (err error) {
		result, err = a.traffic(ctx, generator, o, nothingBefore)
		return err
	})
	if err != nil {
		return err
	}
	return a.conclude(result)
}

// obtainK6 builds the load generator.
func (a *app) obtainK6(ctx context.Context) (string, error) {
	repo, cache, err := checkout()
	if err != nil {
		return "", err
	}
	progress := term.NewProgress(os.Stderr)
	defer progress.Close()
	return cache.K6(ctx, repo, progress)
}

// conclude prints the result; one with problems is the verb's failure.
func (a *app) conclude(r runResult) error {
	out := a.output()
	if err := out.Print(r, func(w io.Writer) error { return writeRun(w, out, r) }); err != nil {
		return err
	}
	if !r.Passed {
		return errors.New(strings.Join(r.Problems, "; "))
	}
	return nil
}

func writeRun(w io.Writer, out term.Output, r runResult) error {
	table := &term.Table{Headers: []string{"hop", "route", ">requests", ">errors", ">p50", ">p99"}}
	for _, h := range r.Hops {
		errs := term.Text(h.Errors)
		if h.Errors > 0 {
			errs.Style = term.Bad
		}
		table.Add(term.Text(hops.Pair{Caller: h.Caller, Callee: h.Callee}), term.Text(shortRoute(h.Route)), term.Text(h.Requests),
			errs, term.Text(term.Millis(seconds(h.P50))), term.Text(term.Millis(seconds(h.P99))))
	}
	if err := table.Write(w, out.Colour); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\nk6: %d requests, %d failed, %d of %d checks passed, p50 %s, p99 %s\n", r.Client.Requests, r.Client.Failed,
		r.Client.Checks-r.Client.FailedChecks, r.Client.Checks, term.Millis(seconds(r.Client.P50)), term.Millis(seconds(r.Client.P99)))
	return err
}

// shortRoute leaves a gRPC route its service's and method's names: the package says nothing here.
func shortRoute(route string) string {
	service, method, ok := strings.Cut(strings.TrimPrefix(route, "/"), "/")
	if !strings.HasPrefix(route, "/") || !ok {
		return route
	}
	return service[strings.LastIndex(service, ".")+1:] + "/" + method
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
