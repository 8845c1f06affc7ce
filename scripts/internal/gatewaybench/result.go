package gatewaybench

import (
	"math"
	"strings"

	"redoubt.example/loadtest/bench"
	"redoubt.example/scripts/internal/meshbench"
)

// controlsTarget is what all controls but the WAF may add to the median, in microseconds.
const controlsTarget = 100

// Result is what the benchmark found. Times are microseconds.
type Result struct {
	State    bench.State       `json:"state"`
	Rows     []Row             `json:"rows"`
	Costs    []Cost            `json:"costs"`
	Controls []Control         `json:"controls"`
	Checks   []Check           `json:"checks"`
	Problems []string          `json:"problems,omitempty"`
	Machine  meshbench.Machine `json:"machine"`
	Seconds  float64           `json:"seconds"`
}

// Row is one way for one kind of request; what it adds is compared with the bare reverse proxy in the same rounds.
type Row struct {
	Name     string     `json:"name"`
	Request  string     `json:"request"`
	Requests int        `json:"requests"`
	P50      float64    `json:"p50_us"`
	P99      float64    `json:"p99_us"`
	AddedP50 Difference `json:"added_p50_us"`
	AddedP99 Difference `json:"added_p99_us"`
	// PerSecond is how many requests go through when as many are sent as will, the sender on the same processors.
	PerSecond float64 `json:"per_second"`
}

// Cost is the difference between two ways in the same rounds.
type Cost struct {
	Request string     `json:"request"`
	What    string     `json:"what"`
	P50     Difference `json:"p50_us"`
	Target  float64    `json:"target_us,omitempty"`
}

// Met tells whether the whole interval keeps the target, and Missed whether none of it does.
func (c Cost) Met() bool { return c.P50.CI95[1] <= c.Target }

// Missed is the opposite of Met where the interval leaves no doubt.
func (c Cost) Missed() bool { return c.Target > 0 && c.P50.CI95[0] > c.Target }

// Control is one entry of the ledger.
type Control struct {
	Request  string  `json:"request"`
	ID       string  `json:"id"`
	Requests int     `json:"requests"`
	P50      float64 `json:"p50_us"`
	P99      float64 `json:"p99_us"`
}

// Check is how the harness did where the answer is known.
type Check struct {
	Request   string     `json:"request"`
	AA        Difference `json:"aa_us"` // with 99.9 %
	Injected  float64    `json:"injected_us"`
	Recovered float64    `json:"recovered_us"`
}

// Difference is a value with its interval, 95 % where nothing else is said.
type Difference struct {
	Value float64    `json:"value"`
	CI95  [2]float64 `json:"ci95"`
}

func difference(d bench.Difference) Difference {
	return Difference{round(d.Value), [2]float64{round(d.Low), round(d.High)}}
}

// round keeps a hundredth of a microsecond of what is short.
func round(v float64) float64 {
	if math.Abs(v) < 10 {
		return math.Round(v*100) / 100
	}
	return math.Round(v*10) / 10
}

// Problem says why the run isn't to be believed; "" when it is.
func (r Result) Problem() string { return strings.Join(r.Problems, "; ") }
