package main

import (
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/hops"
	"redoubt.example/scripts/internal/k6"
	"redoubt.example/scripts/internal/suite"
	"redoubt.example/scripts/internal/term"
)

// From inside: a main package has no outside to be tested from but the program itself, and that is e2e's.

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
	for line := range strings.Lines(got) {
		if !strings.Contains(line, "\": ") { // JSON is for machines
			require.LessOrEqual(t, len([]rune(line)), term.Width+1)
		}
	}
}

func TestRunOutput(t *testing.T) {
	result := runResult{
		Problems: []string{"2 of 50 requests failed at gateway -> ingestion, POST /v1/documents"},
		Client:   k6.Summary{Requests: 50, Failed: 2, Checks: 150, FailedChecks: 2, P50: 0.0031, P99: 0.0247, Broken: []string{"document stored"}},
		Hops: []hops.Row{
			{Caller: hops.Outside, Callee: "gateway", Route: "POST /v1/documents", Requests: 50, Errors: 2, P50: 0.0115, P99: 1.7794},
			{Caller: "ingestion", Callee: "inference", Route: "/redoubt.inference.v1.InferenceService/Classify", Requests: 50, P50: 0.00064, P99: 0.00218},
			{Caller: "ingestion", Callee: "payments", Route: "POST /v1/authorizations/{id}/capture", Requests: 48, P50: 0.00219, P99: 0.0204},
		},
	}
	for name, out := range map[string]term.Output{"run.txt": {}, "run.json": {JSON: true}} {
		var text strings.Builder
		out.Out = &text
		require.NoError(t, out.Print(result, func(w io.Writer) error { return writeRun(w, out, result) }))
		golden(t, name, text.String())
	}
}

func TestTestOutput(t *testing.T) {
	report := suite.Report{Seconds: 75.3, Parts: []suite.Part{
		{Name: "format", Passed: true, Seconds: 0.1},
		{Name: "test infra", Passed: true, Seconds: 61, Tests: 40, Skipped: []suite.Skip{{Test: "redoubt.example/infra.TestX", Reason: "no Vault on this machine"}}},
		{Name: "end to end", Seconds: 12, Tests: 3, Failed: 1, Output: "    e2e_test.go:9: status 502\n--- FAIL: TestPlatform\n"},
	}}
	var text strings.Builder
	require.NoError(t, writeReport(&text, term.Output{}, report))
	golden(t, "test.txt", text.String())
}

func TestBadInput(t *testing.T) {
	for name, args := range map[string][]string{
		"unknown verb":      {"fly"},
		"unknown flag":      {"up", "--fast"},
		"unknown mode":      {"up", "--mode", "telepathy"},
		"no such port":      {"up", "--port", "70000"},
		"a lease of no use": {"up", "--lease-ttl", "1s"},
		"nobody's token":    {"token"},
		"unknown user":      {"token", "--user", "mallory"},
		"unknown scope":     {"token", "--user", "alice", "--scope", "root"},
		"no component":      {"stop"},
		"too many":          {"status", "please"},
		"no traffic":        {"run", "--rate", "0"},
		"no time":           {"run", "--duration", "1ms"},
		"hardly away":       {"load", "steady", "--without", "consul", "--away", "1ms"},
		"over too soon":     {"load", "steady", "--without", "consul", "--duration", "20s"},
		"nothing measured":  {"run", "--matrix-time", "1s"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, 2, execute(append(args, "--dir", filepath.Join(t.TempDir(), "lab"))))
		})
	}
}
