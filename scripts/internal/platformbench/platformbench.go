// Package platformbench measures whole platforms against each other: two labs run side by side, a prober alternates
// between them, and only differences within the same moments are believed. Each run first proves the harness: a platform
// against its like must show nothing, and known delays must come back as what and where they are.
package platformbench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"redoubt.example/loadtest/bench"
	"redoubt.example/loadtest/flood"
	"redoubt.example/loadtest/report"
)

// Config says what to measure, and with which programs.
type Config struct {
	Lab        Program
	Background string // the program of loadtest/bench/background
	K6         string // the program; needed for a plan with load
	Scratch    string // an empty folder for the labs
	Plan       Plan
	State      bench.State
	Revision   string
	// SendApart sends a load from a process with a lower priority than the platform's: they share the processors.
	SendApart func(context.Context, flood.Load) (flood.Outcome, error)
	Say       func(now string) // progress
}

const (
	plaintext = "plaintext"
	layered   = "layered"
)

// Profiles are design.md's, the baseline first.
var Profiles = []string{plaintext, "gateway-only", "mesh-only", "library", layered, "overchecked"}

// run is one run under way.
type run struct {
	cfg    Config
	result *report.Result
	labs   []*Lab // that are up

	layered    *Lab      // that is up for whoever measures layered next
	pairs      int       // of blocks, in the shortest comparison of a profile
	throughput []float64 // of plaintext, each time that it was measured
}

// Run measures. What it returns beside an error is what was measured until then.
func Run(ctx context.Context, cfg Config) (result report.Result, err error) {
	began := time.Now()
	result = report.Result{Method: method(), Version: report.Version, Began: began.UTC(), Revision: cfg.Revision, Machine: machine(), State: string(cfg.State), Stopped: bench.StoppedTime,
		Calibration: []report.Calibration{}, Profiles: []report.Profile{}, Ledger: []report.Line{}} // [] in JSON, not null
	r := &run{cfg: cfg, result: &result}
	r.note("PostgreSQL doesn't wait for the disk, in any profile: a disk's pauses are a thousand times what is measured")
	defer func() { err = errors.Join(err, r.stopAll()) }()
	leave, err := cfg.State.Enter(ctx, cfg.Background)
	if err != nil {
		return result, err
	}
	defer leave()
	for _, step := range r.steps() {
		if err := step(ctx); err != nil {
			return result, err
		}
	}
	result.Method.Pairs = r.pairs
	result.Seconds = time.Since(began).Round(100 * time.Millisecond).Seconds()
	return result, nil
}

func method() report.Method {
	return report.Method{Request: storeDocument.Name, Block: blockRequests, Warmup: settling}
}

// start starts labs at the same time.
func (r *run) start(ctx context.Context, setups ...Setup) ([]*Lab, error) {
	type outcome struct {
		lab *Lab
		err error
	}
	outcomes := make([]chan outcome, len(setups))
	for i, s := range setups {
		r.cfg.Say("starting " + s.Name)
		outcomes[i] = make(chan outcome, 1)
		folder := filepath.Join(r.cfg.Scratch, fmt.Sprintf("%d", time.Now().UnixNano()))
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, err
		}
		program := s.Program
		if program == (Program{}) {
			program = r.cfg.Lab
		}
		go func() {
			lab, err := start(ctx, program, folder, s)
			outcomes[i] <- outcome{lab, err}
		}()
	}
	started := make([]*Lab, len(setups))
	var failed error
	for i, c := range outcomes {
		o := <-c
		failed = errors.Join(failed, o.err)
		if started[i] = o.lab; o.err == nil {
			r.labs = append(r.labs, o.lab)
		}
	}
	if failed != nil {
		return started, failed
	}
	r.cfg.Say("warming up")
	for _, l := range started {
		if err := l.warm(ctx); err != nil {
			return started, err
		}
	}
	return started, nil
}

// note says something that a reader of the result has to know.
func (r *run) note(text string) { r.result.Method.Notes = append(r.result.Method.Notes, text) }

// take starts a lab of a profile, or hands over the one that is up already.
func (r *run) take(ctx context.Context, profile string) (*Lab, error) {
	if up := r.layered; up != nil && profile == layered {
		r.layered = nil
		return up, nil
	}
	labs, err := r.start(ctx, Setup{Name: profile, Profile: profile})
	return labs[0], err
}

// stop stops labs at the same time.
func (r *run) stop(labs ...*Lab) error {
	errs := make([]chan error, len(labs))
	for i, l := range labs {
		errs[i] = make(chan error, 1)
		go func() { errs[i] <- l.stop() }()
	}
	var failed error
	for i, l := range labs {
		failed = errors.Join(failed, <-errs[i])
		for j, up := range r.labs {
			if up == l {
				r.labs = append(r.labs[:j], r.labs[j+1:]...)
				break
			}
		}
	}
	return failed
}

func (r *run) stopAll() error {
	r.cfg.Say("stopping")
	return r.stop(append([]*Lab{}, r.labs...)...)
}
