package main

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/loadtest/bench"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/gatewaybench"
	"redoubt.example/scripts/internal/meshbench"
	"redoubt.example/scripts/internal/term"
)

func TestGatewayBenchOutput(t *testing.T) {
	some := func(v, low, high float64) gatewaybench.Difference {
		return gatewaybench.Difference{Value: v, CI95: [2]float64{low, high}}
	}
	result := gatewaybench.Result{
		State: bench.KeptAwake,
		Rows: []gatewaybench.Row{
			{Name: "httputil.ReverseProxy", Request: "POST 300 B", Requests: 8000, P50: 228.1, P99: 11713.2, PerSecond: 3785.4},
			{Name: "gateway, all but the WAF", Request: "POST 300 B", Requests: 8000, P50: 447, P99: 12138, AddedP50: some(228.4, -165.2, 1285.1),
				AddedP99: some(425.1, -11400.2, 13077), PerSecond: 1398},
		},
		Costs: []gatewaybench.Cost{
			{Request: "POST 300 B", What: "all controls but the WAF", P50: some(38.4, 17.3, 83.6), Target: 100},
			{Request: "POST 300 B", What: "all of them", P50: some(138.4, 117.3, 183.6), Target: 100},
			{Request: "POST 300 B", What: "some", P50: some(98.4, 87.3, 183.6), Target: 100},
			{Request: "POST 300 B", What: "the WAF", P50: some(593.3, 530, 692.8)},
		},
		Controls: []gatewaybench.Control{
			{Request: "POST 300 B", ID: "edge.waf", Requests: 3002, P50: 385.6, P99: 1252.9},
			{Request: "POST 300 B", ID: "edge.jwt.audience", Requests: 3002, P50: 0.09, P99: 0.4},
		},
		Checks:   []gatewaybench.Check{{Request: "POST 300 B", AA: some(-2, -31.9, 10.2), Injected: 50, Recovered: 65.4}},
		Problems: []string{"POST 300 B: a delay of 50.0 us was measured as 65.4"},
		Machine:  meshbench.Machine{CPU: "AMD EPYC", CPUs: 2, Kernel: "6.1.0-28-amd64", Go: "go1.26.8"},
		Seconds:  36.1,
	}
	for name, out := range map[string]term.Output{"bench-gateway.txt": {}, "bench-gateway.json": {JSON: true}} {
		var text strings.Builder
		out.Out = &text
		require.NoError(t, out.Print(result, func(w io.Writer) error { return writeGatewayBench(w, out, result) }))
		golden(t, name, text.String())
	}
	require.NotEmpty(t, result.Problem(), "such a run must fail")
	require.False(t, result.Costs[0].Missed())
	require.True(t, result.Costs[1].Missed())
	require.False(t, result.Costs[2].Missed() || result.Costs[2].Met(), "the interval leaves it open")
	require.False(t, result.Costs[3].Missed(), "no target")
}

func TestGatewayBenchRefusesBadInput(t *testing.T) {
	good := benchGatewayOptions{seconds: 60, state: "as-found"}
	_, err := good.config()
	require.NoError(t, err)
	for name, bad := range map[string]benchGatewayOptions{
		"no time": {0, "as-found"}, "too long": {1e6, "as-found"}, "no such state": {60, "asleep"}, "no state": {60, ""},
	} {
		_, err := bad.config()
		require.Equal(t, exit.Usage, exit.Code(err), name)
	}
}
