package main

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/benchproof"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/meshbench"
	"redoubt.example/scripts/internal/term"
)

// A sound harness that misses a figure fails the run, and so does a broken one that meets it.
func TestBenchVerifyOutput(t *testing.T) {
	met := benchproof.Check{Harness: benchproof.Sound, What: "zero is in 95 % intervals", Found: 95, Low: 93.5, High: 96.5, Unit: "%", Detail: "1900 of 2000 A/A", Met: true, AsItShould: true}
	caught := met
	caught.Harness, caught.Found, caught.Met = benchproof.Unpaired, 53, false
	result := benchproof.Result{Checks: []benchproof.Check{met, caught}}
	require.Empty(t, result.Problem())
	missed := met
	missed.Found, missed.Met, missed.AsItShould = 80, false, false
	require.Contains(t, benchproof.Result{Checks: []benchproof.Check{met, missed}}.Problem(), "80 % instead of 93.5 to 96.5")
	unnoticed := caught
	unnoticed.Met, unnoticed.AsItShould = true, false
	broken := benchproof.Result{Checks: []benchproof.Check{met, unnoticed}}
	require.Contains(t, broken.Problem(), "pairing off")
	var text strings.Builder
	require.NoError(t, writeBenchProof(&text, term.Output{}, broken))
	require.Contains(t, text.String(), "meets, wrong")
	for line := range strings.Lines(text.String()) {
		require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), term.Width)
	}
}

func TestBenchVerifyRefuses(t *testing.T) {
	for _, only := range []string{"everything", "coverage,slow"} {
		require.Equal(t, exit.Usage, execute([]string{"bench", "verify", "--only", only}))
	}
}

func TestBenchChain(t *testing.T) {
	for _, seconds := range []string{"0", "4000"} {
		a := &app{}
		cmd := a.benchChain()
		cmd.SetArgs([]string{"--seconds", seconds})
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		require.Equal(t, exit.Usage, exit.Code(cmd.Execute()))
	}
	result := meshbench.Chains{}
	require.Empty(t, result.Problem())
	result.AA.CI999 = [2]float64{0.1, 2}
	require.NotEmpty(t, result.Problem(), "plaintext that differs from itself")
	result.Fits = []meshbench.ChainFit{{Mode: "sidecar", PerHop: 116.8, CI95: [2]float64{94.9, 170.8}}}
	var text strings.Builder
	require.NoError(t, writeChains(&text, term.Output{}, result))
	require.Contains(t, text.String(), "sidecar: +116.8 us per hop (95 % +94.9 to +170.8), over 1 to 5 hops")
}
