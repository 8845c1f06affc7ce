package stack

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTopologyInForce: notification may settle authorizations as long as an exercise lets it, and no longer.
func TestTopologyInForce(t *testing.T) {
	text, err := os.ReadFile("../../../infra/topology/topology.yaml")
	require.NoError(t, err)
	const before, after = "callers: [ingestion, inference], principal: none", "callers: [ingestion, inference, notification], principal: none"
	broken := strings.Replace(string(text), before, after, 1)
	require.NotEqual(t, string(text), broken)
	dir := t.TempDir()
	lets := func() bool {
		top, err := InForce(dir)
		require.NoError(t, err)
		return strings.Contains(strings.Join(top.Upstreams("notification"), " "), "payments")
	}
	require.False(t, lets())
	require.NoError(t, noteTopology(dir, broken))
	require.True(t, lets())
	require.NoError(t, noteTopology(dir, ""))
	require.NoError(t, noteTopology(dir, ""), "once more, as at each start of an exercise that leaves it alone")
	require.False(t, lets())
}
