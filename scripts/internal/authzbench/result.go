package authzbench

import (
	"context"
	"slices"
	"time"

	"redoubt.example/infra/topology"
	"redoubt.example/loadtest/bench"
)

const maxRatio = 1.3

// Result is all that was measured.
type Result struct {
	Rows []Row `json:"rows"`
	// Ratio is a token's first verification to that of a signature alone, taken together.
	Ratio Compared `json:"uncached_to_raw"`
	// Design is what a token per request costs more at a hop than one per principal and route, in microseconds.
	Design  Compared `json:"per_request_more_us"`
	Blocks  int      `json:"blocks"` // of each operation
	Samples int      `json:"samples"`
	Verdict Verdict  `json:"verdict"` // the worst of all
}

// Compared is a comparison of two operations, block by block.
type Compared struct {
	Value   float64    `json:"value"`
	CI95    [2]float64 `json:"ci95"`
	Target  float64    `json:"target,omitempty"`
	Verdict Verdict    `json:"verdict,omitempty"`
}

// Run measures for about the given time.
func Run(ctx context.Context, top *topology.Topology, during time.Duration) (Result, error) {
	tokens, err := tokenOperations(ctx)
	if err != nil {
		return Result{}, err
	}
	decisions, err := decisionOperations(ctx, top)
	if err != nil {
		return Result{}, err
	}
	hops, err := hopOperations(ctx, top)
	if err != nil {
		return Result{}, err
	}
	operations := slices.Concat(tokens, decisions, hops)
	blocks, err := measure(ctx, operations, during)
	if err != nil {
		return Result{}, err
	}
	r := Result{Blocks: len(blocks[0]), Samples: len(blocks[0]) * block}
	of := map[string][][]float64{}
	for i, o := range operations {
		row, err := o.row(blocks[i])
		if err != nil {
			return Result{}, err
		}
		r.Rows, of[o.what] = append(r.Rows, row), blocks[i]
	}
	r.Ratio = compare(of[verifyUncached], of[rawSignature], maxRatio, func(a, b float64) float64 { return a / b })
	r.Design = compare(of[hopPerRequest], of[hopShared], 0, func(a, b float64) float64 { return a - b })
	r.Verdict = r.worst()
	return r, nil
}

// compare takes the median over blocks of what two operations' medians compare as.
func compare(a, b [][]float64, target float64, as func(a, b float64) float64) Compared {
	each := make([][]float64, len(a))
	for i := range a {
		each[i] = []float64{as(median(a[i]), median(b[i]))}
	}
	d := bench.QuantileInterval(each, 0.5, 0.95)
	return Compared{Value: d.Value, CI95: interval(d), Target: target, Verdict: judge(d, target)}
}

func (r Result) worst() Verdict {
	found := []Verdict{r.Ratio.Verdict}
	for _, row := range r.Rows {
		found = append(found, row.Verdict)
	}
	for _, v := range []Verdict{Missed, Open} {
		if slices.Contains(found, v) {
			return v
		}
	}
	return Met
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
