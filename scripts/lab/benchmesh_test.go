package main

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/loadtest/bench"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/meshbench"
	"redoubt.example/scripts/internal/term"
)

func TestMeshBenchOutput(t *testing.T) {
	rate := 186.2
	result := meshbench.Result{
		Rows: []meshbench.Row{
			{Name: "plaintext", State: bench.HalfLoad, Requests: 8000, P50: 1028.1, P99: 12532.6, TotalCPU: 41.2, Connections: 9234.1, Throughput: 5586.2},
			{Name: "haproxy", State: bench.HalfLoad, Requests: 8000, P50: 1091.1, P99: 22808.6, AddedP50: 1060.4, CI95: [2]float64{1056, 1067.1},
				AddedP99: 12276.3, AddedP99CI95: [2]float64{11998.2, 13076.1}, CPU: 128.1, SteadyCPU: 97.4, TotalCPU: 301.4, RSS: 19 << 20, Connections: 525.3,
				FullConnections: &rate, Throughput: 718},
			{Name: "consul-proxy", State: bench.HalfLoad, Requests: 8000, P50: 1091.1, P99: 22808.6, AddedP50: -0.4, CI95: [2]float64{-1.1, 0.3},
				AddedP99: 12276.3, AddedP99CI95: [2]float64{-11998.2, 13076.1}, CPU: 128.1, SteadyCPU: 97.4, RSS: 96 << 20, Connections: 284.1, Throughput: 887},
		},
		Handshakes: []meshbench.Handshake{
			{Name: "haproxy", State: bench.HalfLoad, Handshakes: 300, Curve: "X25519", FirstP50: 13502.4, FullP50: 12161, FullP99: 22849.4, Resumes: true, ResumedP50: 11425, ResumedP99: 13940.2},
			{Name: "consul-proxy", State: bench.HalfLoad, Handshakes: 300, Curve: "X25519MLKEM768", FirstP50: 2600, FullP50: 2118, FullP99: 8127},
		},
		AA:          []meshbench.AA{{State: bench.HalfLoad, Diff: -0.1, CI999: [2]float64{-12.1, 10.4}, Passed: true}},
		Calibration: []meshbench.Calibration{{State: bench.HalfLoad, Injected: 20.1, Recovered: 31.4, CI95: [2]float64{29.1, 32.8}}},
		Skipped:     []meshbench.Skipped{{Name: "nginx", Reason: "not installed; sudo apt-get install nginx libnginx-mod-stream"}},
		Machine:     meshbench.Machine{CPU: "Intel(R) Xeon(R) Processor", CPUs: 2, Kernel: "6.1.0-28-amd64", Go: "go1.26.8"},
		Seconds:     68.4,
	}
	for name, out := range map[string]term.Output{"bench-mesh.txt": {}, "bench-mesh.json": {JSON: true}} {
		var text strings.Builder
		out.Out = &text
		require.NoError(t, out.Print(result, func(w io.Writer) error { return writeMeshBench(w, out, result) }))
		golden(t, name, text.String())
	}
	require.Equal(t, "half-load: a delay of 20.1 us was measured as 31.4", result.Problem(), "such a run must fail")
}

func TestMeshBenchRefusesBadInput(t *testing.T) {
	good := benchMeshOptions{seconds: 60, states: []string{"as-found"}, rows: []string{"sidecar"}}
	_, err := good.config()
	require.NoError(t, err)
	for name, spoil := range map[string]func(*benchMeshOptions){
		"no time":        func(o *benchMeshOptions) { o.seconds = 0 },
		"too long":       func(o *benchMeshOptions) { o.seconds = 1e6 },
		"no such state":  func(o *benchMeshOptions) { o.states = []string{"asleep"} },
		"no such row":    func(o *benchMeshOptions) { o.rows = []string{"envoy"} },
		"the same twice": func(o *benchMeshOptions) { o.states = []string{"as-found", "as-found"} },
		"no state":       func(o *benchMeshOptions) { o.states = nil },
	} {
		t.Run(name, func(t *testing.T) {
			o := good
			spoil(&o)
			_, err := o.config()
			require.Equal(t, exit.Usage, exit.Code(err))
		})
	}
}
