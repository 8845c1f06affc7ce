package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"redoubt.example/loadtest/bench"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/meshbench"
	"redoubt.example/scripts/internal/term"
	"redoubt.example/scripts/internal/tools"
)

// How long `lab bench mesh` measures, in all states together.
const (
	benchSeconds = 60
	quickSeconds = 20
)

type benchMeshOptions struct {
	seconds int
	quick   bool
	states  []string
	rows    []string
}

func (a *app) benchMesh() *cobra.Command {
	var o benchMeshOptions
	cmd := &cobra.Command{
		Use:   "mesh",
		Short: "Compare our mesh with plaintext, HAProxy, nginx and Consul's own proxy",
		Long: `Compare the mesh's data planes: one HTTP request through plaintext, native, our sidecar pair, and pairs of HAProxy,
nginx and Consul's built-in proxy, all with leafs of the same CA, mutual TLS 1.3 over loopback.

Requests alternate between the rows in short random blocks; what a row adds is the difference to plaintext within
the same rounds, with a 95 % interval. Plaintext is compared with itself, too, and with itself and a known delay: a
difference there, or another delay, fails the run. It starts a Vault and a Consul of its own, and needs no lab.

Plaintext is loopback TCP, as without a mesh. Proxies are reached over unix sockets, except Consul's, which knows none.

Columns that need a word:
  cpu            processor time per request and proxy, in the same short blocks: each wakes a proxy that was still, with cold
                 caches; for native half of what both ends use more than in plaintext
  steady         the same of 400 requests in a row, as under load
  resident       a proxy's memory, the mean of the pair
  new/s          connections with one request each, opened by four at a time; unresumed: with full handshakes only
  handshake      of the port for peers, with the same client everywhere, until the server's session ticket comes; it checks a chain once, as our data plane does;
                 first are those that begin a block of six, with caches that others have filled; resumed: the median

States, never mixed:
  kept-awake  a SCHED_IDLE spinner per processor: waking idle processors isn't measured
  as-found    the machine as it is
  half-load   each processor busy half of the time at normal priority, in bursts of about 1 ms`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.quick && !cmd.Flags().Changed("seconds") {
				o.seconds = quickSeconds
			}
			cfg, err := o.config()
			if err != nil {
				return err
			}
			return a.measureMesh(cmd.Context(), cfg)
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&o.seconds, "seconds", benchSeconds, "how long to measure, in all states together")
	flags.BoolVar(&o.quick, "quick", false, fmt.Sprintf("measure for %d s: wider intervals", quickSeconds))
	flags.StringSliceVar(&o.states, "states", stateNames(), "the states of the machine to measure in")
	flags.StringSliceVar(&o.rows, "rows", meshbench.Names, "the rows to measure; plaintext always is one")
	return cmd
}

func stateNames() []string {
	names := make([]string, len(bench.States))
	for i, s := range bench.States {
		names[i] = string(s)
	}
	return names
}

func (o benchMeshOptions) config() (meshbench.Config, error) {
	cfg := meshbench.Config{Rows: o.rows, Seconds: o.seconds}
	if o.seconds < 1 || o.seconds > 3600 {
		return cfg, exit.Usagef("it measures for 1 to 3600 seconds, not %d", o.seconds)
	}
	for _, row := range o.rows {
		if !slices.Contains(meshbench.Names, row) {
			return cfg, exit.Usagef("there is no row %q: it is one of %s", row, strings.Join(meshbench.Names, ", "))
		}
	}
	for _, state := range o.states {
		if !slices.Contains(bench.States, bench.State(state)) {
			return cfg, exit.Usagef("there is no state %q: it is one of %s", state, strings.Join(stateNames(), ", "))
		}
		if slices.Contains(cfg.States, bench.State(state)) {
			return cfg, exit.Usagef("%s is asked for twice", state)
		}
		cfg.States = append(cfg.States, bench.State(state))
	}
	if len(cfg.States) == 0 {
		return cfg, exit.Usagef("name a state of the machine: one of %s", strings.Join(stateNames(), ", "))
	}
	return cfg, nil
}

func (a *app) measureMesh(ctx context.Context, cfg meshbench.Config) error {
	result, err := a.runMeshBench(ctx, cfg)
	if err != nil {
		return err
	}
	out := a.output()
	if err := out.Print(result, func(w io.Writer) error { return writeMeshBench(w, out, result) }); err != nil {
		return err
	}
	if problem := result.Problem(); problem != "" {
		return errors.New("don't believe this run: " + problem)
	}
	return nil
}

func (a *app) runMeshBench(ctx context.Context, cfg meshbench.Config) (result meshbench.Result, err error) {
	repo, cache, err := checkout()
	if err != nil {
		return result, err
	}
	progress := term.NewProgress(os.Stderr)
	defer progress.Close()
	if cfg.Vault, err = cache.Obtain(ctx, repo, tools.Vault, progress); err != nil {
		return result, err
	}
	if cfg.Consul, err = cache.Obtain(ctx, repo, tools.Consul, progress); err != nil {
		return result, err
	}
	if cfg.Bin, err = cache.Programs(ctx, repo, progress, meshbench.Programs...); err != nil {
		return result, err
	}
	task := progress.Task("bench", "starting")
	defer task.End("")
	cfg.Say = func(now string) { task.Say("%s", now) }
	cfg.Skip = func(s meshbench.Skipped) { progress.Task(s.Name, "looking").End("%s", s.Reason) }
	result, err = meshbench.Run(ctx, cfg)
	if ctx.Err() != nil {
		return result, errors.New("interrupted; everything is stopped")
	}
	return result, err
}
