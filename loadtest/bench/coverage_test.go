package bench_test

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/loadtest/bench"
)

// machine is a simulated one: its noise has a fixed seed, and its requests take no real time.
type machine struct {
	random *rand.Rand
	state  float64 // of what carries over from a request to the next
	age    int
	noise  func(m *machine) float64 // microseconds on top of the service's own
}

func (m *machine) stack(name string, micros float64) bench.Stack {
	return bench.Stack{Name: name, Request: func(context.Context) (bench.Observation, error) {
		m.age++
		took := time.Duration((micros + m.noise(m)) * float64(time.Microsecond))
		return bench.Observation{Total: took}, nil
	}}
}

var noises = map[string]func(*machine) float64{
	"quiet": func(m *machine) float64 { return m.random.NormFloat64() },
	"heavy tails": func(m *machine) float64 { // without a mean: one request in twenty meets somebody's time slice
		return min(2/math.Pow(m.random.Float64(), 1.2), 1e6)
	},
	"drift": func(m *machine) float64 { return float64(m.age)*0.02 + m.random.ExpFloat64() },
	"autocorrelation": func(m *machine) float64 {
		m.state = 0.98*m.state + m.random.NormFloat64()
		return 20 + m.state
	},
	"two speeds": func(m *machine) float64 { // a processor that halts, or another tenant: for some 50 requests at a time
		if m.random.Float64() < 0.02 {
			m.state = 40 - m.state
		}
		return 10 + m.state + m.random.ExpFloat64()
	},
}

// A 95 % interval holds the truth in about 95 of 100 runs on each of these machines; with the pairing off it doesn't
// wherever the machine changes, so pairing is why.
func TestComparisonsCoverTheTruth(t *testing.T) {
	const runs, truth = 200, 3.0
	for name, noise := range noises {
		t.Run(name, func(t *testing.T) {
			same, slower, wrongly := 0, 0, 0
			for seed := range uint64(runs) {
				m := &machine{random: rand.New(rand.NewPCG(seed, 8)), noise: noise}
				c := bench.Comparison{Stacks: []bench.Stack{m.stack("a", 50), m.stack("a again", 50), m.stack("b", 50+truth)}, Seed: seed, Rounds: 16, Block: 8}
				found, err := c.Run(t.Context())
				require.NoError(t, err)
				if found.Median(1, 0.95).Contains(0) {
					same++
				}
				if found.Median(2, 0.95).Contains(truth) {
					slower++
				}
				found, err = c.Unpaired().Run(t.Context())
				require.NoError(t, err)
				if found.Median(1, 0.95).Contains(0) {
					wrongly++
				}
			}
			t.Logf("zero held in %d, %g us in %d, zero without pairing in %d of %d", same, truth, slower, wrongly, runs)
			require.InDelta(t, 0.95, float64(same)/runs, 0.035)
			require.InDelta(t, 0.95, float64(slower)/runs, 0.035)
			if name == "drift" || name == "autocorrelation" || name == "two speeds" {
				require.Less(t, wrongly, runs*85/100)
			}
		})
	}
}
