package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"redoubt.example/loadtest/bench"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/gatewaybench"
	"redoubt.example/scripts/internal/term"
)

type benchGatewayOptions struct {
	seconds int
	state   string
}

func (a *app) benchGateway() *cobra.Command {
	var o benchGatewayOptions
	cmd := &cobra.Command{
		Use:   "gateway",
		Short: "Measure what each of the gateway's controls costs, and all of them together",
		Long: `Measure what the gateway's controls cost: one by one, from the request's ledger, and all of them by requests that
alternate, in short random blocks, between the gateway with its controls, without its WAF, with every control off, a
bare Echo reverse proxy and a bare httputil.ReverseProxy. All have the same TLS 1.3, the same client, which keeps its
connection, and the same upstream behind a unix socket, which answers at once.

What a way adds is the difference to httputil.ReverseProxy within the same rounds, with a 95 % interval. That proxy is
compared with itself, too, and with itself and a known delay: a difference there, or another delay, fails the run.
Saturation is with 16 connections, the sender on the same processors. It needs no lab, and runs real rules, schema
checks, RS256 tokens and limits; the limits are so high that nothing is refused.

How an honest client fares while others flood the gateway is ` + "`lab bench flood`" + `'s question.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := o.config()
			if err != nil {
				return err
			}
			return a.measureGateway(cmd.Context(), cfg)
		},
	}
	cmd.Flags().IntVar(&o.seconds, "seconds", benchSeconds, "about how long to measure")
	cmd.Flags().StringVar(&o.state, "state", string(bench.KeptAwake), "the state of the machine to measure in: "+strings.Join(stateNames(), ", "))
	return cmd
}

func (o benchGatewayOptions) config() (gatewaybench.Config, error) {
	cfg := gatewaybench.Config{Seconds: o.seconds, State: bench.State(o.state)}
	if o.seconds < 1 || o.seconds > 3600 {
		return cfg, exit.Usagef("it measures for 1 to 3600 seconds, not %d", o.seconds)
	}
	if !slices.Contains(bench.States, cfg.State) {
		return cfg, exit.Usagef("there is no state %q: it is one of %s", o.state, strings.Join(stateNames(), ", "))
	}
	return cfg, nil
}

func (a *app) measureGateway(ctx context.Context, cfg gatewaybench.Config) error {
	result, err := a.runGatewayBench(ctx, cfg)
	if err != nil {
		return err
	}
	out := a.output()
	if err := out.Print(result, func(w io.Writer) error { return writeGatewayBench(w, out, result) }); err != nil {
		return err
	}
	if problem := result.Problem(); problem != "" {
		return errors.New("don't believe this run: " + problem)
	}
	for _, c := range result.Costs {
		if c.Missed() {
			return errors.New("a target is missed")
		}
	}
	return nil
}

func (a *app) runGatewayBench(ctx context.Context, cfg gatewaybench.Config) (result gatewaybench.Result, err error) {
	repo, cache, err := checkout()
	if err != nil {
		return result, err
	}
	progress := term.NewProgress(os.Stderr)
	defer progress.Close()
	if cfg.Bin, err = cache.Programs(ctx, repo, progress, gatewaybench.Programs...); err != nil {
		return result, err
	}
	cfg.Contract = filepath.Join(repo, "gateway", "openapi.yaml")
	task := progress.Task("bench", "starting")
	defer task.End("")
	cfg.Say = func(now string) { task.Say("%s", now) }
	result, err = gatewaybench.Run(ctx, cfg)
	if ctx.Err() != nil {
		return result, errors.New("interrupted; everything is stopped")
	}
	return result, err
}

func writeGatewayBench(w io.Writer, out term.Output, r gatewaybench.Result) error {
	for _, check := range r.Checks {
		table := &term.Table{Headers: []string{check.Request + ", microseconds", ">p50", ">p99", ">added p50", ">95 %", ">added p99", ">95 %", ">req/s"}}
		for _, row := range r.Rows {
			if row.Request != check.Request {
				continue
			}
			cells := []term.Cell{term.Text(row.Name), micros("", row.P50), micros("", row.P99)}
			if row.Name == r.Rows[0].Name {
				cells = append(cells, term.Cell{}, term.Cell{}, term.Cell{}, term.Cell{})
			} else {
				cells = append(cells, micros("+", row.AddedP50.Value), micros("+", row.AddedP50.CI95[:]...), micros("+", row.AddedP99.Value), micros("+", row.AddedP99.CI95[:]...))
			}
			table.Add(append(cells, cellf("%.0f", row.PerSecond))...)
		}
		if err := table.Write(w, out.Colour); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s\n", gatewayCosts(out, r, check)); err != nil {
			return err
		}
	}
	if err := gatewayLedger(w, out, r); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%s; %s, %d processors, Linux %s, %s; %.0f s\n", r.State, r.Machine.CPU, r.Machine.CPUs, r.Machine.Kernel, r.Machine.Go, r.Seconds)
	return err
}

// gatewayCosts says what was compared, and how the harness did.
func gatewayCosts(out term.Output, r gatewaybench.Result, check gatewaybench.Check) string {
	var b strings.Builder
	for _, c := range r.Costs {
		if c.Request != check.Request {
			continue
		}
		fmt.Fprintf(&b, "%s: %+.1f us (%+.1f to %+.1f)", c.What, c.P50.Value, c.P50.CI95[0], c.P50.CI95[1])
		switch {
		case c.Target == 0:
		case c.Missed():
			fmt.Fprintf(&b, "; target %.0f: %s", c.Target, out.Paint("missed", term.Bad))
		case c.Met():
			fmt.Fprintf(&b, "; target %.0f: %s", c.Target, out.Paint("met", term.Good))
		default:
			fmt.Fprintf(&b, "; target %.0f: %s", c.Target, out.Paint("open", term.Warn))
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "the reverse proxy against itself %+.1f us (99.9 %% %+.1f to %+.1f); %.1f us injected, %.1f found\n",
		check.AA.Value, check.AA.CI95[0], check.AA.CI95[1], check.Injected, check.Recovered)
	return b.String()
}

func gatewayLedger(w io.Writer, out term.Output, r gatewaybench.Result) error {
	table := &term.Table{Headers: []string{"ledger, microseconds", "request", ">requests", ">p50", ">p99"}}
	for _, c := range r.Controls {
		table.Add(term.Text(c.ID), term.Text(c.Request), cellf("%d", c.Requests), cellf("%.2f", c.P50), cellf("%.1f", c.P99))
	}
	if err := table.Write(w, out.Colour); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w)
	return err
}
