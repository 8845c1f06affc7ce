package e2e_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/timing"
	"redoubt.example/services/platform/controls"
)

// TestTimings: the answer to who may measure says where its time went, at every hop that it waited for.
func TestTimings(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"sidecar", "native"} {
		t.Run(mode, func(t *testing.T) { testTimings(t, up(t, "--mode", mode)) })
	}
}

func testTimings(t *testing.T, l *lab) {
	var trace timing.Trace
	got := l.run(t, "trace", "--count", "5", "--json")
	require.Zero(t, got.code, got.stderr)
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &trace), got.stdout)

	// Notification isn't among them: it hears of a document after the answer.
	hops := map[string][]*timing.Hop{}
	trace.Root.Walk(func(_ int, h *timing.Hop) { hops[h.Name] = append(hops[h.Name], h) })
	for name, times := range map[string]int{"gateway": 1, "ingestion": 1, "inference": 1, "payments": 2} {
		require.Len(t, hops[name], times, "%s in %s", name, got.stdout)
		for _, h := range hops[name] {
			require.Positive(t, h.Total, name)
			require.Positive(t, h.Transit, name)
			require.GreaterOrEqual(t, h.Wait, h.Total, "%s takes no longer than its caller waits", name)
			if name != "gateway" {
				require.True(t, slices.ContainsFunc(h.Controls, func(p timing.Part) bool { return p.ID == controls.AppPolicy && p.US > 0 }), "%s: %+v", name, h.Controls)
			}
		}
	}
	require.Equal(t, "ingestion", hops["payments"][0].Caller)
	require.True(t, slices.ContainsFunc(hops["payments"][1].Controls, func(p timing.Part) bool { return p.ID == controls.Database && p.US > 0 }))
	require.InDelta(t, trace.Client, trace.Sum+trace.Residual, 1, "what isn't explained is printed")

	// Nobody else, and not by asking: see the attack edge.timings.asking.
	refused := l.run(t, "token", "--user", "alice", "--scope", "bench")
	require.Equal(t, 2, refused.code, refused.stdout)
	require.Empty(t, refused.stdout)
	for _, user := range []string{"alice", "carol"} {
		answer := l.must(t, "GET", "/v1/account", l.token(t, user), nil, "Prefer", "server-timing")
		require.Equal(t, 200, answer.status)
		require.NotContains(t, answer.header, "Server-Timing")
		require.NotContains(t, answer.header, "Trailer")
	}
}
