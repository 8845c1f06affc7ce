package report

import (
	"fmt"
	"io"
	"strings"
)

// Benchstat writes Go's benchmark format (golang.org/design/14313-benchmark-format), which benchstat reads. A run is
// one sample of each benchmark: benchstat wants the files of several runs to say what changed.
func Benchstat(w io.Writer, r Result) error {
	var out strings.Builder
	fmt.Fprintf(&out, "goos: %s\ngoarch: %s\npkg: redoubt.example/loadtest/bench\n", oneLine(r.Machine.OS), oneLine(r.Machine.Arch))
	if r.Machine.Model != "" {
		fmt.Fprintf(&out, "cpu: %s\n", oneLine(r.Machine.Model))
	}
	fmt.Fprintf(&out, "state: %s\n", r.State)
	out.WriteString("Unit attacks-blocked better=higher\nUnit req/s better=higher\n")
	procs := fmt.Sprintf("-%d", r.Machine.Processors)
	for _, p := range r.Profiles {
		fmt.Fprintf(&out, "BenchmarkProfile/profile=%s%s 1", key(p.Name), procs)
		value(&out, p.AddedP50, "added-p50-us", p.CI95.Measured())
		value(&out, p.AddedP90, "added-p90-us", p.CI95P90.Measured())
		value(&out, p.AddedP99, "added-p99-us", p.CI95P99.Measured())
		value(&out, p.CPU, "cpu-us/op", p.CPU > 0)
		value(&out, p.Throughput, "req/s", p.Throughput > 0)
		value(&out, float64(p.Blocked), "attacks-blocked", p.Attacks > 0)
		out.WriteByte('\n')
	}
	for _, l := range r.Ledger {
		fmt.Fprintf(&out, "BenchmarkLedger/hop=%s/control=%s%s 1", key(l.Hop), key(l.Control), procs)
		value(&out, l.P50, "p50-us", true)
		value(&out, l.P99, "p99-us", true)
		out.WriteByte('\n')
	}
	for _, c := range r.Chains {
		fmt.Fprintf(&out, "BenchmarkChain/mode=%s/hops=%d%s 1", key(c.Mode), c.Hops, procs)
		value(&out, c.P50, "p50-us", true)
		out.WriteByte('\n')
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func value(out *strings.Builder, v float64, unit string, measured bool) {
	if measured {
		fmt.Fprintf(out, " %.2f %s", v, unit)
	}
}

// key makes a name that holds neither blanks nor what separates a benchmark's keys.
func key(s string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r == '/' || r == '=' {
			return '_'
		}
		return r
	}, s)
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
