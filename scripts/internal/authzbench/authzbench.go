// Package authzbench measures what authorization costs at a hop: the policy's decision, the transaction token, both.
package authzbench

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"
)

// Row is one thing measured.
type Row struct {
	What   string  `json:"what"`
	P50    float64 `json:"p50_us"`
	P99    float64 `json:"p99_us"`
	Allocs float64 `json:"allocs"`
	Target float64 `json:"target_us,omitempty"` // for p50; 0 for none
	Met    bool    `json:"met"`
}

// Result is all of it.
type Result struct {
	Rows    []Row   `json:"rows"`
	Ratio   float64 `json:"uncached_to_raw"` // a token's verification to that of its signature alone, paired
	Passed  bool    `json:"passed"`
	Samples int     `json:"samples"`
}

// operation is something to measure: n is the number of the call.
type operation struct {
	what   string
	target time.Duration
	batch  int          // calls per sample, for what is too short to be timed alone
	before func() error // of each block, not measured; may be nil
	run    func(n int) error
}

func (o operation) prepare() error {
	if o.before == nil {
		return nil
	}
	return o.before()
}

// block is how many samples of one operation follow each other before the next one's turn: short, so that whatever
// else the machine does falls on all alike.
const block = 50

// measure takes samples of all operations in turns, as often as fits into a time.
func measure(ctx context.Context, operations []operation, during time.Duration) ([]Row, [][]time.Duration, error) {
	took := make([][]time.Duration, len(operations))
	allocs := make([]float64, len(operations))
	calls := make([]int, len(operations))
	for i, o := range operations {
		n, err := allocations(o)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", o.what, err)
		}
		allocs[i] = n
	}
	for deadline := time.Now().Add(during); time.Now().Before(deadline); {
		for i, o := range operations {
			if ctx.Err() != nil {
				return nil, nil, ctx.Err()
			}
			if err := operations[i].prepare(); err != nil {
				return nil, nil, fmt.Errorf("%s: %w", o.what, err)
			}
			for range block {
				began := time.Now()
				for range o.batch {
					calls[i]++
					if err := o.run(calls[i]); err != nil {
						return nil, nil, fmt.Errorf("%s: %w", o.what, err)
					}
				}
				took[i] = append(took[i], time.Since(began)/time.Duration(o.batch))
			}
		}
	}
	rows := make([]Row, len(operations))
	for i, o := range operations {
		slices.Sort(took[i])
		rows[i] = Row{What: o.what, P50: quantile(took[i], 0.5), P99: quantile(took[i], 0.99), Allocs: allocs[i], Target: micros(o.target)}
		rows[i].Met = o.target == 0 || rows[i].P50 <= rows[i].Target
	}
	return rows, took, nil
}

func allocations(o operation) (float64, error) {
	const calls = 20
	var before, after runtime.MemStats
	if err := o.prepare(); err != nil {
		return 0, err
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

func quantile(sorted []time.Duration, q float64) float64 {
	return micros(sorted[min(len(sorted)-1, int(q*float64(len(sorted))))])
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }
