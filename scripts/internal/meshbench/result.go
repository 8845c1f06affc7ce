package meshbench

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"redoubt.example/loadtest/bench"
)

// Result is what the benchmark found. Times are microseconds.
type Result struct {
	Rows        []Row         `json:"rows"`
	Handshakes  []Handshake   `json:"handshakes"`
	AA          []AA          `json:"aa"`
	Calibration []Calibration `json:"calibration"`
	Skipped     []Skipped     `json:"skipped"`
	Machine     Machine       `json:"machine"`
	Seconds     float64       `json:"seconds"`
}

// Row is one way in one state. What is added is compared with plaintext in the same rounds; of plaintext itself it
// is zero.
type Row struct {
	Name     string      `json:"name"`
	State    bench.State `json:"state"`
	Requests int         `json:"requests"`

	P50 float64 `json:"p50_us"`
	P99 float64 `json:"p99_us"`

	AddedP50     float64    `json:"added_p50_us"`
	CI95         [2]float64 `json:"ci95_us"`
	AddedP99     float64    `json:"added_p99_us"`
	AddedP99CI95 [2]float64 `json:"added_p99_ci95_us"`

	// CPU is processor time per request and proxy: the mean of the pair. In native, where the ends themselves do the
	// work, it is the mean of what both use more than in plaintext. The blocks are short and a proxy was still before each:
	// this is what requests cost that come now and then.
	CPU float64 `json:"cpu_us_per_request"`
	// SteadyCPU is the same of requests that follow each other for long, as under load.
	SteadyCPU float64 `json:"steady_cpu_us_per_request"`
	// TotalCPU is that of everything on the way, prober and app included.
	TotalCPU float64 `json:"total_cpu_us_per_request"`
	// RSS is a proxy's resident memory, the mean of the pair; 0 without proxies.
	RSS int64 `json:"rss_bytes"`

	// Connections with one request each, per second: as the way is, and without resuming sessions where that can be
	// had apart. Ours resumes, and dials ahead.
	Connections     float64  `json:"connections_per_s"`
	FullConnections *float64 `json:"full_connections_per_s,omitempty"`
	// Throughput of one large body.
	Throughput float64 `json:"throughput_mib_s"`
}

// Handshake is one row's port for peers, with the same client everywhere: TLS 1.3, mutual, until the server's ticket
// comes.
type Handshake struct {
	Name       string      `json:"name"`
	State      bench.State `json:"state"`
	Handshakes int         `json:"handshakes"`
	Curve      string      `json:"curve"`
	FullP50    float64     `json:"full_p50_us"`
	FullP99    float64     `json:"full_p99_us"`
	FirstP50   float64     `json:"first_full_p50_us"` // of those that begin a block, with caches that others have filled
	Resumes    bool        `json:"resumes"`
	ResumedP50 float64     `json:"resumed_p50_us,omitempty"`
	ResumedP99 float64     `json:"resumed_p99_us,omitempty"`
}

// AA is plaintext compared with itself: a harness that finds a difference there isn't believed.
type AA struct {
	State  bench.State `json:"state"`
	Diff   float64     `json:"diff_us"`
	CI999  [2]float64  `json:"ci999_us"`
	Passed bool        `json:"passed"`
}

// Calibration is plaintext with a known delay in the prober, whose own clock says how long it was.
type Calibration struct {
	State     bench.State `json:"state"`
	Injected  float64     `json:"injected_us"`
	Recovered float64     `json:"recovered_us"`
	CI95      [2]float64  `json:"ci95_us"`
	Passed    bool        `json:"passed"`
}

// Problem says why the run isn't to be believed; "" when it is.
func (r Result) Problem() string {
	for _, aa := range r.AA {
		if !aa.Passed {
			return fmt.Sprintf("%s: plaintext differs from itself by %.1f us (%.1f to %.1f)", aa.State, aa.Diff, aa.CI999[0], aa.CI999[1])
		}
	}
	for _, c := range r.Calibration {
		if !c.Passed {
			return fmt.Sprintf("%s: a delay of %.1f us was measured as %.1f", c.State, c.Injected, c.Recovered)
		}
	}
	return ""
}

// Skipped is a row that was left out, and why.
type Skipped struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// Machine is where it was measured.
type Machine struct {
	CPU    string `json:"cpu"`
	CPUs   int    `json:"cpus"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
}

func interval(d bench.Difference) [2]float64 { return [2]float64{round(d.Low), round(d.High)} }

// round keeps a tenth of a microsecond: more isn't known.
func round(v float64) float64 { return math.Round(v*10) / 10 }

func sum(values []float64) (s float64) {
	for _, v := range values {
		s += v
	}
	return s
}

// ThisMachine is the one that this runs on.
func ThisMachine() Machine { return machine() }

func machine() Machine {
	m := Machine{CPUs: runtime.NumCPU(), Go: runtime.Version(), CPU: processorName()}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		m.Kernel = unix.ByteSliceToString(name.Release[:])
	}
	return m
}

func processorName() string {
	raw, _ := os.ReadFile("/proc/cpuinfo")
	text := string(raw)
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// Baseline tells whether this is the row that the others are compared with.
func (r Row) Baseline() bool { return r.Name == plaintext }
