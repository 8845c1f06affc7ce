// Package meshbench measures the mesh's data planes against each other: one HTTP request through plaintext, native,
// our sidecar pair, and pairs of other people's proxies, all with leafs of the same real CA, in one run.
package meshbench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"redoubt.example/loadtest/bench"
)

// Config says what to measure, and with which programs.
type Config struct {
	Consul, Vault string // programs
	Bin           string // the folder of Programs
	Rows          []string
	States        []bench.State
	Seconds       int              // about how long the measuring takes in all
	Say           func(now string) // progress
	Skip          func(Skipped)    // told at once
}

// Programs are the packages that have to be built, from the repository's root.
var Programs = []string{"./services/platform/mesh/sidecar", "./scripts/internal/meshbench/echo", "./loadtest/bench/background"}

// shares of the time of a state.
const latencyShare = 0.7

// Run sets everything up, measures, and takes everything down.
func Run(ctx context.Context, cfg Config) (result Result, err error) {
	began := time.Now()
	cfg.Say("starting Vault and Consul")
	r, err := newRig(ctx, cfg)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	rows, skipped, err := r.rows(ctx)
	if err != nil {
		return result, err
	}
	result = Result{Skipped: skipped, Machine: machine()}
	for i, state := range cfg.States {
		say := func(what string) {
			cfg.Say(fmt.Sprintf("%s (%d of %d): %s", state, i+1, len(cfg.States), what))
		}
		if err := r.measure(ctx, state, rows, say, &result); err != nil {
			return result, err
		}
	}
	result.Seconds = time.Since(began).Round(100 * time.Millisecond).Seconds()
	return result, r.alive()
}

// rows sets up those that were asked for; plaintext always is one.
func (r *rig) rows(ctx context.Context) (rows []row, skipped []Skipped, err error) {
	skipped = []Skipped{}
	for _, name := range Names {
		if name != plaintext && !slices.Contains(r.cfg.Rows, name) {
			continue
		}
		r.cfg.Say("setting up " + name)
		built, err := r.build(ctx, name)
		switch {
		case errors.Is(err, errSkipped):
			s := Skipped{Name: name, Reason: err.Error()}
			skipped = append(skipped, s)
			r.cfg.Skip(s)
		case err != nil:
			return nil, nil, err
		default:
			rows = append(rows, built)
		}
	}
	return rows, skipped, nil
}

func (r *rig) measure(ctx context.Context, state bench.State, rows []row, say func(string), into *Result) error {
	leave, err := state.Enter(ctx, r.program("background"))
	if err != nil {
		return err
	}
	defer leave()
	budget := time.Duration(float64(r.cfg.Seconds) / float64(len(r.cfg.States)) * float64(time.Second))
	probe := bench.Probe{
		For: time.Duration(latencyShare * float64(budget)), Seed: uint64(time.Now().UnixNano()),
		Progress: func(part float64) { say(fmt.Sprintf("latency %.0f %%", 100*part)) },
	}
	for _, row := range rows {
		probe.Targets = append(probe.Targets, row.target)
	}
	again := rows[0].target // the baseline once more: the harness must find no difference
	again.Name = controlName
	probe.Targets = append(probe.Targets, again)
	samples, err := probe.Run(ctx)
	if err != nil {
		return r.explain(err)
	}
	return into.latency(state, rows, samples)
}
