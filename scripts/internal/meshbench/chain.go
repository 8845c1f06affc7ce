package meshbench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"redoubt.example/loadtest/bench"
	"redoubt.example/loadtest/report"
)

// ChainModes are the ways that chains are made of, in the order of the table. plaintext-raw is plaintext with the mesh's kind of
// system calls: native beside it is what TLS costs, and it beside plaintext what those calls save.
var ChainModes = []string{plaintext, plaintextRaw, "sidecar", "native"}

// LongestChain is how many hops the longest chain has.
const LongestChain = 5

// Chains is what hops cost one after the other. Times are microseconds.
type Chains struct {
	Chains  []report.Chain `json:"chains"`
	Fits    []ChainFit     `json:"fits"`
	AA      report.AA      `json:"aa"` // plaintext and itself, at all lengths
	State   bench.State    `json:"state"`
	Machine Machine        `json:"machine"`
	Seconds float64        `json:"seconds"`
}

// ChainFit is what a hop of a mode costs more than one in plaintext: the slope over the number of hops.
type ChainFit struct {
	Mode   string          `json:"mode"`
	PerHop float64         `json:"per_hop_us"`
	CI95   report.Interval `json:"ci95_us"`
}

// chainRepeats is how often each length is measured: the fit's interval comes from them.
const chainRepeats = 5

// RunChains measures chains of 1 to LongestChain hops in each mode. A chain's app is one process, which hands a request
// on to itself through the mode's whole way: sockets, sidecars and mutual TLS are passed at each hop.
func RunChains(ctx context.Context, cfg Config) (result Chains, err error) {
	began := time.Now()
	cfg.Say("starting Vault and Consul")
	r, err := newRig(ctx, cfg)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	r.chained = true
	var rows []row
	for _, mode := range ChainModes {
		cfg.Say("setting up " + mode)
		built, err := r.build(ctx, mode)
		if err != nil {
			return result, err
		}
		rows = append(rows, built)
	}
	leave, err := bench.KeptAwake.Enter(ctx, r.program("background"))
	if err != nil {
		return result, err
	}
	defer leave()
	m := chains{rows: rows, each: time.Duration(cfg.Seconds) * time.Second / (chainRepeats * LongestChain), seed: uint64(began.UnixNano()), say: cfg.Say}
	if err := m.run(ctx); err != nil {
		return result, r.explain(err)
	}
	result = m.result()
	result.State, result.Machine = bench.KeptAwake, machine()
	result.Seconds = time.Since(began).Round(100 * time.Millisecond).Seconds()
	return result, r.alive()
}

type chains struct {
	rows []row
	each time.Duration
	seed uint64
	say  func(string)

	// By mode, and last plaintext again.
	differences [LongestChain + 1][][]float64
	own         [LongestChain + 1][][]float64 // each repeat's median
	points      [][]bench.Known               // of hops, and what they add
}

func (m *chains) run(ctx context.Context) error {
	m.points = make([][]bench.Known, len(m.rows)+1)
	for repeat := range chainRepeats {
		for hops := 1; hops <= LongestChain; hops++ {
			m.say(fmt.Sprintf("chains of %d (%d of %d)", hops, repeat+1, chainRepeats))
			if err := m.measure(ctx, hops); err != nil {
				return err
			}
			m.seed++
		}
	}
	return nil
}

func (m *chains) measure(ctx context.Context, hops int) error {
	var stacks []bench.Stack
	for _, row := range m.rows {
		chain := bench.NewChain(row.target.Dial)
		defer chain.Close()
		stacks = append(stacks, bench.Stack{Name: row.target.Name, Request: func(ctx context.Context) (bench.Observation, error) {
			return chain.Request(ctx, bench.Way{Hops: hops})
		}})
	}
	stacks = append(stacks, stacks[0])
	found, err := bench.Comparison{Stacks: stacks, For: m.each, Seed: m.seed}.Run(ctx)
	if err != nil {
		return err
	}
	if m.differences[hops] == nil {
		m.differences[hops], m.own[hops] = make([][]float64, len(stacks)), make([][]float64, len(stacks))
	}
	for i := range stacks {
		differences := found.Differences(i)
		m.differences[hops][i] = append(m.differences[hops][i], differences...)
		m.own[hops][i] = append(m.own[hops][i], found.Own(i, 0.5))
		m.points[i] = append(m.points[i], bench.Known{Injected: float64(hops), Recovered: bench.PairedMedian(differences, 0.95).Value})
	}
	return nil
}

func (m *chains) result() (result Chains) {
	var same []float64
	for i, row := range m.rows {
		for hops := 1; hops <= LongestChain; hops++ {
			d := bench.PairedMedian(m.differences[hops][i], 0.95)
			result.Chains = append(result.Chains, report.Chain{Mode: row.target.Name, Hops: hops, Added: round(d.Value), CI95: interval(d),
				P50: round(bench.PairedMedian(m.own[hops][i], 0).Value)})
		}
		if i > 0 {
			slope := bench.Slope(m.points[i], 0.95)
			result.Fits = append(result.Fits, ChainFit{row.target.Name, round(slope.Value), interval(slope)})
		}
	}
	for hops := 1; hops <= LongestChain; hops++ {
		same = append(same, m.differences[hops][len(m.rows)]...)
	}
	d := bench.PairedMedian(same, 0.999)
	result.AA = report.AA{Diff: round(d.Value), CI999: interval(d), Pairs: len(same)}
	return result
}

// Problem says why the run isn't to be believed; "" when it is.
func (c Chains) Problem() string {
	if c.AA.CI999[0] > 0 || c.AA.CI999[1] < 0 {
		return fmt.Sprintf("plaintext differs from itself by %.1f us (%.1f to %.1f)", c.AA.Diff, c.AA.CI999[0], c.AA.CI999[1])
	}
	return ""
}
