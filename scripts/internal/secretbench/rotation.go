package secretbench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"redoubt.example/loadtest/bench"
)

// Spike is what rotations do to the requests in flight, against the same load without one.
type Spike struct {
	Rotations   int     `json:"rotations"`
	PerSecond   int     `json:"requests_per_second"`
	Requests    int     `json:"requests"`
	Failed      int     `json:"failed"`
	P50With     float64 `json:"p50_with_us"`
	P50Without  float64 `json:"p50_without_us"`
	P99With     float64 `json:"p99_with_us"`
	P99Without  float64 `json:"p99_without_us"`
	P99Ratio    float64 `json:"p99_ratio"`
	RatioLow    float64 `json:"p99_ratio_ci95_low"`
	RatioHigh   float64 `json:"p99_ratio_ci95_high"`
	P99RatioMax float64 `json:"p99_ratio_target"`
}

// Verdict says where the interval lies: a ratio that may be on either side of the target is neither.
func (s Spike) Verdict() string {
	switch {
	case s.RatioHigh < s.P99RatioMax:
		return Within
	case s.RatioLow > s.P99RatioMax:
		return Above
	}
	return Undecided
}

// The verdicts.
const (
	Within    = "within"
	Above     = "above"
	Undecided = "undecided"
)

// Rotations says how to load and what to rotate.
type Rotations struct {
	Client    *http.Client
	URL       string
	Token     func() (string, error)              // an access token; asked for anew now and then
	Rotate    func(context.Context) error         // returns when the new login is in use; the old one drains after that
	Settled   func(context.Context) (bool, error) // whether the old login is gone
	Count     int
	PerSecond int
	Block     time.Duration // of load, with a rotation at its beginning or without one; as long as a rotation takes
}

const targetRatio = 1.2

// Measure alternates blocks of load with and without a rotation, in random order within each pair. Requests begin on
// time whatever became of those before (an open model), and their time counts from when they should have begun.
func (r Rotations) Measure(ctx context.Context, say func(string)) (Spike, error) {
	s := Spike{PerSecond: r.PerSecond, P99RatioMax: targetRatio}
	var with, without [][]time.Duration
	for pair := range r.Count {
		say(fmt.Sprintf("rotation %d of %d", pair+1, r.Count))
		token, err := r.Token()
		if err != nil {
			return s, err
		}
		order := []bool{true, false}
		rand.Shuffle(2, func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, rotating := range order {
			took, failed, err := r.block(ctx, token, rotating)
			if err != nil {
				return s, err
			}
			if err := r.settle(ctx); err != nil {
				return s, err
			}
			s.Requests, s.Failed = s.Requests+len(took)+failed, s.Failed+failed
			if rotating {
				with = append(with, took)
				s.Rotations++
			} else {
				without = append(without, took)
			}
		}
	}
	a, b := slices.Concat(with...), slices.Concat(without...)
	s.P50With, s.P99With = bench.QuantileOf(0.5, a), bench.QuantileOf(0.99, a)
	s.P50Without, s.P99Without = bench.QuantileOf(0.5, b), bench.QuantileOf(0.99, b)
	s.P99Ratio = s.P99With / s.P99Without
	s.RatioLow, s.RatioHigh = interval(with, without)
	return s, nil
}

// settleWithin is generous: what is waited for takes a second or two after a block.
const settleWithin = 30 * time.Second

// settle waits until nothing of a rotation is left that could reach into the next block.
func (r Rotations) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	for {
		if settled, err := r.Settled(ctx); err != nil || settled {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the end of a rotation: %w", ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (r Rotations) block(ctx context.Context, token string, rotating bool) (took []time.Duration, failed int, err error) {
	var mu sync.Mutex
	var sending sync.WaitGroup
	if rotating {
		sending.Go(func() {
			if e := r.Rotate(ctx); e != nil {
				mu.Lock()
				err = e
				mu.Unlock()
			}
		})
	}
	gap := time.Second / time.Duration(r.PerSecond)
	began := time.Now()
	for i := range int(r.Block / gap) {
		due := began.Add(time.Duration(i) * gap)
		select {
		case <-ctx.Done():
			sending.Wait()
			return nil, 0, ctx.Err()
		case <-time.After(time.Until(due)):
		}
		sending.Go(func() {
			ok := r.one(ctx, token)
			elapsed := time.Since(due)
			mu.Lock()
			defer mu.Unlock()
			if ok {
				took = append(took, elapsed)
			} else {
				failed++
			}
		})
	}
	sending.Wait()
	return took, failed, err
}

func (r Rotations) one(ctx context.Context, token string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL, nil)
	if err != nil {
		return false
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := r.Client.Do(req)
	if err != nil {
		return false
	}
	_ = res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// interval is the ratio's 95 % one, by a bootstrap over the pairs.
func interval(with, without [][]time.Duration) (low, high float64) {
	const resamples = 500
	random := rand.New(rand.NewPCG(20, 20)) // the same samples give the same interval
	ratios := make([]float64, resamples)
	for i := range ratios {
		var a, b []time.Duration
		for range with {
			pick := random.IntN(len(with))
			a, b = append(a, with[pick]...), append(b, without[pick]...)
		}
		ratios[i] = bench.QuantileOf(0.99, a) / bench.QuantileOf(0.99, b)
	}
	slices.Sort(ratios)
	return ratios[resamples*25/1000], ratios[resamples*975/1000]
}
