package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/meshbench"
	"redoubt.example/scripts/internal/term"
	"redoubt.example/scripts/internal/tools"
)

func (a *app) benchChain() *cobra.Command {
	var seconds int
	cmd := &cobra.Command{
		Use:   "chain",
		Short: "What hops cost one after the other: chains of 1 to 5, in plaintext and through the mesh",
		Long: `Measure chains of 1 to 5 hops in plaintext, through our sidecar pairs, and native: what each adds to plaintext
with as many hops, and the cost per hop as the slope over them, with 95 % intervals. Blocks of the modes alternate in random
order, processors are kept awake, and plaintext is compared with itself, too. It starts a Vault and a Consul of its own, and
needs no lab.

Native may come out faster than plaintext: the mesh makes its system calls without telling Go's scheduler, which plain
TCP connections don't. plaintext-raw is plaintext with such calls: native less plaintext-raw is what TLS costs.

A chain's app is one process, in every mode, which hands a request on to itself; sidecars and mutual TLS are passed at
each hop.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if seconds < 1 || seconds > 3600 {
				return exit.Usagef("it measures for 1 to 3600 seconds, not %d", seconds)
			}
			return a.measureChains(cmd.Context(), seconds)
		},
	}
	cmd.Flags().IntVar(&seconds, "seconds", benchSeconds, "how long to measure")
	return cmd
}

func (a *app) measureChains(ctx context.Context, seconds int) error {
	result, err := runChains(ctx, seconds)
	if ctx.Err() != nil {
		return errors.New("interrupted; everything is stopped")
	}
	if err != nil {
		return err
	}
	out := a.output()
	if err := out.Print(result, func(w io.Writer) error { return writeChains(w, out, result) }); err != nil {
		return err
	}
	if problem := result.Problem(); problem != "" {
		return errors.New("don't believe this run: " + problem)
	}
	return nil
}

func runChains(ctx context.Context, seconds int) (result meshbench.Chains, err error) {
	repo, cache, err := checkout()
	if err != nil {
		return result, err
	}
	progress := term.NewProgress(os.Stderr)
	defer progress.Close()
	cfg := meshbench.Config{Seconds: seconds}
	if cfg.Vault, err = cache.Obtain(ctx, repo, tools.Vault, progress); err != nil {
		return result, err
	}
	if cfg.Consul, err = cache.Obtain(ctx, repo, tools.Consul, progress); err != nil {
		return result, err
	}
	if cfg.Bin, err = cache.Programs(ctx, repo, progress, meshbench.Programs...); err != nil {
		return result, err
	}
	task := progress.Task("chains", "starting")
	defer task.End("")
	cfg.Say = func(now string) { task.Say("%s", now) }
	return meshbench.RunChains(ctx, cfg)
}

func writeChains(w io.Writer, out term.Output, r meshbench.Chains) error {
	table := &term.Table{Headers: []string{"microseconds", ">hops", ">p50", ">added p50", ">95 %"}}
	for _, c := range r.Chains {
		cells := []term.Cell{term.Text(c.Mode), term.Text(c.Hops), micros("", c.P50)}
		if c.Mode != meshbench.ChainModes[0] {
			cells = append(cells, micros("+", c.Added), micros("+", c.CI95[:]...))
		}
		table.Add(cells...)
	}
	if err := table.Write(w, out.Colour); err != nil {
		return err
	}
	for _, fit := range r.Fits {
		if _, err := fmt.Fprintf(w, "\n%s: %+.1f us per hop (95 %% %+.1f to %+.1f), over 1 to %d hops", fit.Mode, fit.PerHop, fit.CI95[0], fit.CI95[1], meshbench.LongestChain); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "\n%s: plaintext against itself %+.1f us (99.9 %% %+.1f to %+.1f)\n%s, %d processors, Linux %s, %s; %.0f s\n",
		r.State, r.AA.Diff, r.AA.CI999[0], r.AA.CI999[1], r.Machine.CPU, r.Machine.CPUs, r.Machine.Kernel, r.Machine.Go, r.Seconds)
	return err
}
