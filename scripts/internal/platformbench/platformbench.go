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
	"slices"
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
	began  time.Time
	labs   []*Lab // that are up

	layered    *Lab           // that is up for whoever measures layered next
	pairs      int            // of blocks, in the shortest comparison of a profile
	throughput []float64      // of plaintext, each time that it was measured
	ends       map[string]int // of comparisons that may end early, by why they did
	leaving    []chan error   // labs that stop while the next ones start
}

func newRun(cfg Config, result *report.Result) *run {
	return &run{cfg: cfg, result: result, ends: map[string]int{}, began: time.Now()}
}

// Run measures. What it returns beside an error is what was measured until then.
func Run(ctx context.Context, cfg Config) (result report.Result, err error) {
	result = report.Result{Method: method(), Version: report.Version, Began: time.Now().UTC(), Revision: cfg.Revision, Machine: machine(), State: string(cfg.State),
		Calibration: []report.Calibration{}, Profiles: []report.Profile{}, Ledger: []report.Line{}} // [] in JSON, not null
	r := newRun(cfg, &result)
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
	result.Stopped = r.stopped()
	result.Seconds = time.Since(r.began).Round(100 * time.Millisecond).Seconds()
	return result, nil
}

// stopped is why the run ended: since its intervals were narrow enough only if each comparison did so.
func (r *run) stopped() string {
	narrow, all := r.ends[bench.StoppedNarrow], r.ends[bench.StoppedNarrow]+r.ends[bench.StoppedTime]
	if narrow == all && all > 0 {
		return bench.StoppedNarrow
	}
	if all > 0 {
		r.note(fmt.Sprintf("%d of %d comparisons ended when their interval reached %.0f us to either side or less, the others when the time was up",
			narrow, all, r.cfg.Plan.Narrow))
	}
	return bench.StoppedTime
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
	if err := r.left(); err != nil {
		return started, err
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

// leave has labs stop while others start. Before anything is measured they are gone: see left.
func (r *run) leave(labs ...*Lab) {
	for _, l := range labs {
		r.labs = slices.DeleteFunc(r.labs, func(up *Lab) bool { return up == l })
		ended := make(chan error, 1)
		r.leaving = append(r.leaving, ended)
		go func() { ended <- l.stop() }()
	}
}

// left returns when no lab is stopping any more.
func (r *run) left() (failed error) {
	for _, ended := range r.leaving {
		failed = errors.Join(failed, <-ended)
	}
	r.leaving = nil
	return failed
}

// stop stops labs at the same time.
func (r *run) stop(labs ...*Lab) error {
	r.leave(labs...)
	return r.left()
}

func (r *run) stopAll() error {
	r.cfg.Say("stopping")
	return r.stop(append([]*Lab{}, r.labs...)...)
}
