package authzbench_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/infra/topology"
	"redoubt.example/scripts/internal/authzbench"
)

func TestRun(t *testing.T) {
	top, err := topology.Load()
	require.NoError(t, err)
	r, err := authzbench.Run(t.Context(), top, 100*time.Millisecond)
	require.NoError(t, err)
	require.Greater(t, r.Ratio.Value, 0.5)
	require.GreaterOrEqual(t, r.Blocks, 4)
	require.Contains(t, []authzbench.Verdict{authzbench.Met, authzbench.Open, authzbench.Missed}, r.Verdict)
	for _, row := range r.Rows {
		require.Positive(t, row.P50, row.What)
		require.GreaterOrEqual(t, row.P99, row.P50, row.What)
		require.LessOrEqual(t, row.CI95[0], row.P50, row.What)
		require.GreaterOrEqual(t, row.CI95[1], row.P50, row.What)
		require.Equal(t, row.Target == 0, row.Verdict == "", row.What)
		t.Logf("%+v", row)
	}
}
