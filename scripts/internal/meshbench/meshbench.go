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
		m := measurement{rig: r, state: state, rows: rows, budget: time.Duration(cfg.Seconds) * time.Second / time.Duration(len(cfg.States)),
			say: func(what string) { cfg.Say(fmt.Sprintf("%s (%d of %d): %s", state, i+1, len(cfg.States), what)) }}
		if err := m.run(ctx, &result); err != nil {
			return result, r.explain(err)
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
		var missing *missingError
		switch {
		case errors.As(err, &missing):
			s := Skipped{Name: name, Reason: missing.Error()}
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
