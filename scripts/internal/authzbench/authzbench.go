// Package authzbench measures what authorization costs at a hop: the policy's decision, the transaction token, both.
package authzbench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"redoubt.example/loadtest/bench"
)

// Row is one thing measured. Times are microseconds.
type Row struct {
	What    string     `json:"what"`
	P50     float64    `json:"p50_us"`
	CI95    [2]float64 `json:"ci95_us"`
	P99     float64    `json:"p99_us"`
	P99CI95 [2]float64 `json:"p99_ci95_us"`
	Allocs  float64    `json:"allocs"`
	Target  float64    `json:"target_us,omitempty"` // for p50; 0 for none
	Verdict Verdict    `json:"verdict,omitempty"`
}

// Verdict is about a target: met or missed where the whole interval is on one side of it.
type Verdict string

// The verdicts.
const (
	Met    Verdict = "met"
	Missed Verdict = "missed"
	Open   Verdict = "open" // the interval spans the target: measure longer, or where less else runs
)

func judge(d bench.Difference, target float64) Verdict {
	switch {
	case target == 0:
		return ""
	case d.High <= target:
		return Met
	case d.Low > target:
		return Missed
	}
	return Open
}

// operation is something to measure: n is the number of the call.
type operation struct {
	what   string
	target time.Duration
	batch  int          // calls per sample, for what is too short to be timed alone
	before func() error // of each block, not measured; may be nil
	after  func()       // likewise
	run    func(n int) error
}

// block is how many samples of one operation follow each other before the next one's turn: short, so that whatever
// else the machine does falls on all alike.
const block = 50

// measure takes blocks of samples of all operations in turns, in random order, as often as fits into a time. The k-th
// blocks of all operations were taken together.
func measure(ctx context.Context, operations []operation, during time.Duration) (blocks [][][]float64, err error) {
	blocks = make([][][]float64, len(operations))
	calls := make([]int, len(operations))
	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	for deadline := time.Now().Add(during); time.Now().Before(deadline) || len(blocks[0]) < bench.MinEpochs; {
		for _, i := range random.Perm(len(operations)) {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			took, err := operations[i].block(&calls[i])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", operations[i].what, err)
			}
			blocks[i] = append(blocks[i], took)
		}
	}
	return blocks, nil
}

func (o operation) block(calls *int) (took []float64, err error) {
	if o.before != nil {
		if err := o.before(); err != nil {
			return nil, err
		}
	}
	for range block {
		began := time.Now()
		for range o.batch {
			*calls++
			if err := o.run(*calls); err != nil {
				return nil, err
			}
		}
		took = append(took, micros(time.Since(began))/float64(o.batch))
	}
	if o.after != nil {
		o.after()
	}
	return took, nil
}

func (o operation) row(blocks [][]float64) (Row, error) {
	allocs, err := o.allocations()
	if err != nil {
		return Row{}, fmt.Errorf("%s: %w", o.what, err)
	}
	p50, p99 := bench.QuantileInterval(blocks, 0.5, 0.95), bench.QuantileInterval(blocks, 0.99, 0.95)
	return Row{What: o.what, P50: p50.Value, CI95: interval(p50), P99: p99.Value, P99CI95: interval(p99), Allocs: allocs,
		Target: micros(o.target), Verdict: judge(p50, micros(o.target))}, nil
}

func (o operation) allocations() (float64, error) {
	const calls = 20
	var before, after runtime.MemStats
	if o.before != nil {
		if err := o.before(); err != nil {
			return 0, err
		}
	}
	if err := o.run(0); err != nil {
		return 0, err
	}
	runtime.ReadMemStats(&before)
	for n := range calls {
		if err := o.run(n); err != nil {
			return 0, err
		}
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / calls, nil
}

func interval(d bench.Difference) [2]float64 { return [2]float64{d.Low, d.High} }

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }
