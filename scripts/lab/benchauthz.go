package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"redoubt.example/infra/topology"
	"redoubt.example/scripts/internal/authzbench"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/term"
)

func (a *app) benchAuthz() *cobra.Command {
	var during time.Duration
	cmd := &cobra.Command{
		Use:   "authz",
		Short: "What authorization costs at a hop: decisions, transaction tokens, and both",
		Long: `What authorization costs at a hop: policy decisions, transaction tokens minted and verified, and both together, beside
the same rules prepared per request and in plain Go. Everything is measured in turns in one process; no lab is
needed. Each figure has its 95 % interval: a target is met or missed where the whole interval is on one side of it, and open
where it spans it. Fails when one is missed.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if during < time.Second {
				return exit.Usagef("measure for at least 1s, not %s", during)
			}
			return a.measureAuthz(cmd.Context(), during)
		},
	}
	cmd.Flags().DurationVar(&during, "duration", 10*time.Second, "how long to measure")
	return cmd
}

func (a *app) measureAuthz(ctx context.Context, during time.Duration) error {
	top, err := topology.Load()
	if err != nil {
		return err
	}
	result, err := authzbench.Run(ctx, top, during)
	if err != nil {
		return err
	}
	out := a.output()
	if err := out.Print(result, func(w io.Writer) error { return writeAuthz(w, out, result) }); err != nil {
		return err
	}
	if result.Verdict == authzbench.Missed {
		return errors.New("a target is missed")
	}
	return nil
}

var verdictStyle = map[authzbench.Verdict]term.Style{authzbench.Met: term.Good, authzbench.Missed: term.Bad, authzbench.Open: term.Warn}

func writeAuthz(w io.Writer, out term.Output, r authzbench.Result) error {
	table := &term.Table{Headers: []string{"what", ">p50 us", ">95 % interval", ">p99 us", ">allocs", ">target us"}}
	for _, row := range r.Rows {
		target := term.Cell{}
		if row.Target > 0 {
			target = term.Cell{Text: fmt.Sprintf("%.0f %s", row.Target, row.Verdict), Style: verdictStyle[row.Verdict]}
		}
		table.Add(term.Text(row.What), term.Text(short(row.P50)), term.Text(between(row.CI95)), term.Text(short(row.P99)),
			term.Text(fmt.Sprintf("%.0f", row.Allocs)), target)
	}
	if err := table.Write(w, out.Colour); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, `
a token's first verification takes %.2f times its signature's own (%s; target %.1f: %s)
a token per request costs %s us more at a hop than one per principal and route (%s)
%d samples each, in %d blocks taken in turns; intervals are bootstrapped over blocks
`, r.Ratio.Value, between(r.Ratio.CI95), r.Ratio.Target, out.Paint(string(r.Ratio.Verdict), verdictStyle[r.Ratio.Verdict]),
		short(r.Design.Value), between(r.Design.CI95), r.Samples, r.Blocks)
	return err
}

func between(interval [2]float64) string { return short(interval[0]) + " to " + short(interval[1]) }

func short(us float64) string {
	if us < 10 {
		return fmt.Sprintf("%.2f", us)
	}
	return fmt.Sprintf("%.1f", us)
}
