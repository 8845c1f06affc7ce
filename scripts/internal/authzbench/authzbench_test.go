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
	require.Positive(t, r.Ratio)
	for _, row := range r.Rows {
		require.Positive(t, row.P50, row.What)
		require.GreaterOrEqual(t, row.P99, row.P50, row.What)
		t.Logf("%+v", row)
	}
}
