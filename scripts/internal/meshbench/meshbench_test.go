package meshbench_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/loadtest/bench"
	"redoubt.example/scripts/internal/meshbench"
	"redoubt.example/scripts/internal/term"
	"redoubt.example/scripts/internal/tools"
)

// config finds or builds what a run needs; a test doesn't build Consul or Vault.
func config(t testing.TB) meshbench.Config {
	t.Helper()
	cache, err := tools.UserCache()
	require.NoError(t, err)
	repo, err := filepath.Abs("../../..")
	require.NoError(t, err)
	cfg := meshbench.Config{Rows: meshbench.Names, States: []bench.State{bench.KeptAwake}, Seconds: 4,
		Say: func(string) {}, Skip: func(s meshbench.Skipped) { t.Logf("%s: %s", s.Name, s.Reason) }}
	for tool, into := range map[*tools.Tool]*string{&tools.Consul: &cfg.Consul, &tools.Vault: &cfg.Vault} {
		found, err := cache.Find(t.Context(), *tool)
		if err != nil {
			t.Skipf("%s: %v: `go run ./scripts/lab up` gets it", tool.Name, err)
		}
		*into = found.Path
	}
	progress := term.NewProgress(os.Stderr)
	defer progress.Close()
	cfg.Bin, err = cache.Programs(t.Context(), repo, progress, meshbench.Programs...)
	require.NoError(t, err)
	return cfg
}

// What machines read of a run: rows with the names and keys that other tools rely on, and figures that can be.
func TestRun(t *testing.T) {
	cfg := config(t)
	tmp, err := os.MkdirTemp("", "t") // t.TempDir's path is too long for a socket's
	require.NoError(t, err)
	defer os.RemoveAll(tmp)
	t.Setenv("TMPDIR", tmp)
	result, err := meshbench.Run(t.Context(), cfg)
	require.NoError(t, err)
	raw, err := json.Marshal(result)
	require.NoError(t, err)
	var read struct {
		Rows    []map[string]any
		Skipped []meshbench.Skipped
		Machine map[string]any
		Seconds float64
	}
	require.NoError(t, json.Unmarshal(raw, &read))
	require.Equal(t, len(meshbench.Names), len(read.Rows)+len(read.Skipped))
	require.Positive(t, read.Seconds)
	require.NotNil(t, read.Skipped, "an empty list, not null")
	for _, row := range read.Rows {
		for _, key := range []string{"name", "state", "p50_us", "p99_us", "added_p50_us", "ci95_us", "added_p99_us", "cpu_us_per_request", "steady_cpu_us_per_request", "rss_bytes"} {
			require.Contains(t, row, key, row["name"])
		}
		require.Contains(t, meshbench.Names, row["name"])
		require.Equal(t, "kept-awake", row["state"])
		require.Positive(t, row["connections_per_s"], row["name"])
		require.Positive(t, row["throughput_mib_s"], row["name"])
		if row["name"] != "plaintext" {
			require.Positive(t, row["cpu_us_per_request"], row["name"])
		}
		if row["rss_bytes"] != 0.0 { // native's is a difference, and may be nothing
			require.Positive(t, row["steady_cpu_us_per_request"], row["name"])
		}
		if row["name"] != "plaintext" && row["name"] != "native" { // native adds about what a short run can't tell from nothing
			require.Positive(t, row["added_p50_us"], row["name"])
		}
	}
	for _, h := range result.Handshakes {
		require.Positive(t, h.FullP50, h.Name)
		if h.Name == "sidecar" || h.Name == "native" {
			require.Equal(t, "X25519MLKEM768", h.Curve, h.Name)
			require.True(t, h.Resumes, h.Name)
		}
	}
	left, err := os.ReadDir(tmp)
	require.NoError(t, err)
	require.Empty(t, left, "the runtime folder is gone")
}

// Every port for peers wants a certificate of the mesh: a row that let anybody in would be faster for it.
func TestRowsAreMutual(t *testing.T) {
	cfg := config(t)
	for name, port := range meshbench.PortsForTest(t, cfg) {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, port.Good.Check(t.Context()))
			for what, way := range port.Bad {
				require.Error(t, way.Check(t.Context()), what)
			}
		})
	}
}

// BenchmarkRows reports a run's figures in the format that benchstat reads. The time per operation is that of reading
// them; what counts are the metrics.
func BenchmarkRows(b *testing.B) {
	cfg := config(b)
	cfg.Seconds = 15
	result, err := meshbench.Run(b.Context(), cfg)
	require.NoError(b, err)
	for _, row := range result.Rows {
		b.Run(row.Name, func(b *testing.B) {
			for b.Loop() {
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(row.P50, "p50-us")
			b.ReportMetric(row.AddedP50, "added-p50-us")
			b.ReportMetric(row.AddedP99, "added-p99-us")
			b.ReportMetric(row.CPU, "cpu-us/proxy")
			b.ReportMetric(row.SteadyCPU, "steady-cpu-us/proxy")
		})
	}
}
