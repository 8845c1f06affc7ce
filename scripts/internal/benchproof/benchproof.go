// Package benchproof proves that the benchmark's harness finds what is there and nothing else: on a small service with
// real sockets, whose speed drifts, with delays of which the truth is known; and that harnesses which are broken on
// purpose fail the same checks.
package benchproof

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"redoubt.example/loadtest/bench"
	"redoubt.example/scripts/internal/meshbench"
)

// Config says with which programs to prove it, and how thoroughly.
type Config struct {
	Bin   string   // the folder of Programs
	Quick bool     // fewer repetitions, wider bounds
	Only  []string // of All; none: all of them
	Seed  uint64
	Say   func(now string) // progress
	Made  func(Check)      // each check as it ends
}

// All are the checks by name, in the order in which they are made.
var All = []string{"coverage", "slowdown", "calibration", "resolution", "open-loop"}

// Programs are the packages that have to be built, from the repository's root.
var Programs = []string{"./loadtest/bench/relay", "./loadtest/bench/background"}

// Harnesses: the one that is used, and two that are broken.
const (
	Sound    = "sound"
	Unpaired = "pairing off"
	Omitting = "omission on"
)

// Result is what was proved.
type Result struct {
	Quick   bool              `json:"quick"`
	State   bench.State       `json:"state"`
	Checks  []Check           `json:"checks"`
	Machine meshbench.Machine `json:"machine"`
	Seconds float64           `json:"seconds"`
}

// Check is one figure that a harness has to meet, or, broken as it is, has to miss.
type Check struct {
	Harness string  `json:"harness"`
	What    string  `json:"what"`
	Found   float64 `json:"found"`
	Low     float64 `json:"low"` // Found has to lie from Low to High
	High    float64 `json:"high"`
	Unit    string  `json:"unit"`
	Detail  string  `json:"detail"`
	Met     bool    `json:"met"`
	// AsItShould: a sound harness meets the figure, and a broken one doesn't.
	AsItShould bool `json:"as_it_should"`
}

// Verdict says in a word or two how it ended.
func (c Check) Verdict() string {
	verdict := "meets"
	if !c.Met {
		verdict = "fails"
	}
	if !c.AsItShould {
		verdict += ", wrong"
	}
	return verdict
}

// Bounds says where Found has to lie.
func (c Check) Bounds() string {
	bounds := fmt.Sprintf("%.4g", c.Low)
	if c.Low < c.High {
		bounds += fmt.Sprintf(" to %.4g", c.High)
	}
	return strings.TrimSpace(bounds + " " + c.Unit)
}

// Problem says which check didn't end as it should; "" when all did.
func (r Result) Problem() string {
	for _, c := range r.Checks {
		switch {
		case c.AsItShould:
		case c.Harness == Sound:
			return fmt.Sprintf("%s: %.4g %s instead of %.4g to %.4g", c.What, c.Found, c.Unit, c.Low, c.High)
		default:
			return fmt.Sprintf("the check of %s doesn't notice a broken harness (%s)", c.What, c.Harness)
		}
	}
	return ""
}

// scale is how much is done, and what has to come of it.
type scale struct {
	comparisons, broken int // A/A
	coverage            [2]float64
	slowdowns, found    int
	repetitions         int // of each delay
	slope               float64
	each                time.Duration // a comparison, at most
	smallest            time.Duration // to be resolved on one hop
	smallestFor         time.Duration
	arrivals            time.Duration
	tail                float64 // of the open loop's p99, relative
}

var (
	full = scale{comparisons: 2000, broken: 200, coverage: [2]float64{93.5, 96.5}, slowdowns: 20, found: 19, repetitions: 5, slope: 0.05,
		each: 15 * time.Second, smallest: time.Microsecond, smallestFor: time.Minute, arrivals: 20 * time.Second, tail: 0.1}
	quick = scale{comparisons: 300, broken: 60, coverage: [2]float64{91, 98.5}, slowdowns: 5, found: 4, repetitions: 2, slope: 0.15,
		each: 6 * time.Second, smallest: 2 * time.Microsecond, smallestFor: 15 * time.Second, arrivals: 5 * time.Second, tail: 0.25}
)

// proof is a run under way.
type proof struct {
	Config
	scale
	near func() *bench.Chain // to a service of one hop
	far  func() *bench.Chain // to one of two
	into *Result
}

// Run starts the service, keeps the processors awake, makes every check, and stops all.
func Run(ctx context.Context, cfg Config) (result Result, err error) {
	began := time.Now()
	dir, err := os.MkdirTemp("", "rdtv")
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	front, echo := "unix:"+filepath.Join(dir, "front.sock"), "unix:"+filepath.Join(dir, "echo.sock")
	program := filepath.Join(cfg.Bin, "relay")
	for _, r := range []bench.Relay{{Program: program, Address: echo}, {Program: program, Address: front, Next: echo}} {
		stop, err := r.Start(ctx)
		if err != nil {
			return result, err
		}
		defer stop()
	}
	leave, err := bench.KeptAwake.Enter(ctx, filepath.Join(cfg.Bin, "background"))
	if err != nil {
		return result, err
	}
	defer leave()
	result = Result{Quick: cfg.Quick, State: bench.KeptAwake, Machine: meshbench.ThisMachine()}
	p := proof{Config: cfg, scale: full, into: &result,
		near: func() *bench.Chain { return bench.NewChain(bench.Dialer(echo)) },
		far:  func() *bench.Chain { return bench.NewChain(bench.Dialer(front)) },
	}
	if cfg.Quick {
		p.scale = quick
	}
	for i, check := range []func(context.Context) error{p.coverage, p.slowdown, p.calibration, p.resolution, p.omission} {
		if len(cfg.Only) > 0 && !slices.Contains(cfg.Only, All[i]) {
			continue
		}
		if err := check(ctx); err != nil {
			return result, err
		}
	}
	result.Seconds = time.Since(began).Round(100 * time.Millisecond).Seconds()
	return result, nil
}

// add records a check. Broken harnesses have to miss it.
func (p proof) add(c Check) {
	c.Met = c.Low <= c.Found && c.Found <= c.High
	c.AsItShould = c.Met == (c.Harness == Sound)
	p.into.Checks = append(p.into.Checks, c)
	p.Made(c)
}

// as is a comparison as a harness makes it.
func as(harness string, c bench.Comparison) bench.Comparison {
	if harness == Unpaired {
		return c.Unpaired()
	}
	return c
}

// stacks are the same chain with and without a way's delay, over one connection.
func stacks(c *bench.Chain, way bench.Way) []bench.Stack {
	plain := way
	plain.Delay = 0
	var made []bench.Stack
	for _, w := range []bench.Way{plain, way} {
		made = append(made, bench.Stack{Name: fmt.Sprintf("delay %s", w.Delay),
			Request: func(ctx context.Context) (bench.Observation, error) { return c.Request(ctx, w) }})
	}
	return made
}
