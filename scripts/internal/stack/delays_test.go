package stack_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/infra/topology"
	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/stack"
)

func TestParseDelays(t *testing.T) {
	top, err := topology.Load()
	require.NoError(t, err)
	for text, says := range map[string]string{
		"app.policy=20us":                "doesn't say where",
		"billing:app.policy=20us":        `no service "billing"`,
		"ingestion:app.magic=20us":       `no control has the ID "app.magic"`,
		"ingestion:edge.scope=20us":      "isn't enforced by ingestion but by gateway",
		"ingestion:mesh.intention=20us":  "in no request's ledger",
		"ingestion:app.policy":           "how long",
		"ingestion:app.policy=tomorrow":  "0s to 100ms",
		"inference:app.webhook.ssrf=1us": "but by notification",
	} {
		_, err := stack.ParseDelays(top, []string{text})
		require.ErrorContains(t, err, says, text)
	}
	delays, err := stack.ParseDelays(top, []string{"payments:app.policy=5us", "gateway:edge.scope=100us", "payments:app.txn-token=1ms", "inference:app.policy=0s"})
	require.NoError(t, err)
	require.Equal(t, []string{"gateway:edge.scope=100µs", "payments:app.policy=5µs", "payments:app.txn-token=1ms"}, delays.List())
	require.Contains(t, delays, "inference", "it takes orders for later ones")
	require.Empty(t, new(stack.Stack).EnvOf(control.Switched{}, nil))
}
