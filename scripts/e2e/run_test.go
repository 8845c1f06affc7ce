package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/loadtest/report"
)

// TestRun: the README's first command, shorter. It shows every hop and ends with the matrix, of which what doesn't fit into
// its time is left out, and said to be.
func TestRun(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("skipped: starts the whole platform several times; run without -short")
	}
	dir := filepath.Join(t.TempDir(), "lab")
	got := run(t, "run", "--dir", dir, "--duration", "5s", "--rate", "10", "--matrix-time", "10s")
	require.Zero(t, got.code, "%s%s", got.stdout, got.stderr)
	require.Contains(t, got.stdout, "ingestion -> payments")
	require.Contains(t, got.stdout, "layered")
	page := filepath.Join(dir, "bench.html")
	require.Contains(t, got.stdout, "the report: "+page)
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	require.Contains(t, string(text), "layered")

	r, err := report.ReadFile(filepath.Join(dir, "bench.json"))
	require.NoError(t, err)
	require.Equal(t, []string{"plaintext", "layered"}, names(r), "the first profile is always measured, and in ten seconds no other")
	require.Contains(t, r.Method.Notes, "left out, since the time was up: gateway-only, mesh-only, library, overchecked")
	require.Contains(t, got.stdout, "left out")
	require.Equal(t, len(r.Problems()) > 0, strings.Contains(got.stdout, "don't believe this run"), "so short a run may not be believable, but then it says so")
}
