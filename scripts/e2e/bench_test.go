package e2e_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/loadtest/report"
)

// TestBench runs what a pull request's workflow runs, in windows as short as can be: whether the benchmark still finds what
// it has to find, and not how long anything takes.
func TestBench(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: starts the whole platform several times; run without -short")
	}
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	got := run(t, "bench", "--quick", "--seconds", "5", "--narrow", "1000000", "--profiles", "gateway-only,layered", "-o", file("bench.json"), "--markdown", file("summary.md"), "--html", file("bench.html"),
		"--junit", file("junit.xml"), "--benchstat", file("benchstat.txt"), "--smaller-is-better", file("tracking.json"))
	require.Contains(t, got.stdout, "layered", got.stderr)

	r, err := report.ReadFile(file("bench.json"))
	require.NoError(t, err, "it keeps to its schema")
	// So short a run on a machine that others use may find that it isn't to be believed. Then it has to say so, and fail.
	for _, problem := range r.Problems() {
		require.Contains(t, got.stderr, problem)
	}
	require.Equal(t, len(r.Problems()) > 0, got.code == 1, "%d: %s", got.code, got.stderr)
	require.Positive(t, r.AA.Pairs)
	require.Equal(t, "interval", r.Stopped, "any interval is narrower than a second")
	require.Len(t, r.Calibration, 3)
	for i, delay := range []float64{5, 20, 100} {
		require.GreaterOrEqual(t, r.Calibration[i].Injected, delay, "%+v", r.Calibration[i])
		require.True(t, r.Calibration[i].CI95.Measured(), "%+v", r.Calibration[i])
	}
	for _, hop := range []string{"gateway", "ingestion", "inference", "payments"} {
		require.True(t, slices.ContainsFunc(r.Ledger, func(l report.Line) bool {
			return l.Hop == hop && l.Control == "transit" && l.P50 > 0 && l.CI95.Measured()
		}), "%s: %+v", hop, r.Ledger)
	}
	require.Equal(t, []string{"plaintext", "gateway-only", "layered"}, names(r))
	for _, p := range r.Profiles {
		require.Positive(t, p.CPU, p.Name)
		require.Positive(t, p.Memory, p.Name)
		require.Positive(t, p.Throughput, p.Name)
		require.Equal(t, p.Name != report.Baseline, p.CI95.Measured(), p.Name)
		require.NotNil(t, p.SecurityLines, p.Name)
		if p.Name != report.Baseline {
			require.Len(t, p.Others, 1, "a request that only reads")
			require.True(t, p.Others[0].CI95.Measured(), "%+v", p.Others)
		}
	}
	for _, name := range []string{"summary.md", "bench.html", "junit.xml", "benchstat.txt", "tracking.json"} {
		text, err := os.ReadFile(file(name))
		require.NoError(t, err)
		require.NotEmpty(t, text, name)
	}
	require.Empty(t, r.Load, "what wasn't measured is absent")
}

func names(r report.Result) (all []string) {
	for _, p := range r.Profiles {
		all = append(all, p.Name)
	}
	return all
}

func TestBenchRefuses(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"no time":               {"--seconds", "0"},
		"no such profile":       {"--profiles", "layred"},
		"no such state":         {"--state", "asleep"},
		"never narrow":          {"--narrow", "-1"},
		"no such control":       {"--controls", "edge.magic"},
		"quick and controls":    {"--quick", "--controls", "edge.scope"},
		"no such baseline":      {"--baseline", "/nowhere/bench.json"},
		"baseline and revision": {"--baseline", "bench.json", "--against", "main"},
		"attacked twice":        {"--attacks", "--attacked", "bench.json"},
		"attacked nowhere":      {"--attacked", "/nowhere/bench.json"},
	} {
		t.Run(name, func(t *testing.T) {
			got := run(t, append([]string{"bench"}, args...)...)
			require.Equal(t, 2, got.code, "%s%s", got.stdout, got.stderr)
			require.Empty(t, got.stdout)
		})
	}
}
