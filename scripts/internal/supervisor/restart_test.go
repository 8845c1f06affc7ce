package supervisor_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/supervisor"
)

// TestRestart: one component is started again, with more in its environment than its spec says, until it is restarted
// without; nothing else is touched, and it counts as no crash.
func TestRestart(t *testing.T) {
	path, read := notes(t)
	other, changed := shell(t, "other", path), shell(t, "plain", path)
	changed.Ready = nil
	s, stop := start(t, config(), other, changed)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, s.WaitReady(ctx, nil))
	require.Eventually(t, func() bool { return len(read()) == 2 }, patience, 5*time.Millisecond)

	require.NoError(t, s.Restart(ctx, "plain", []string{"NAME=changed"}))
	require.Eventually(t, func() bool { return len(read()) == 4 }, patience, 5*time.Millisecond)
	require.Equal(t, []string{"-plain", "+changed"}, read()[2:])
	require.NoError(t, s.Restart(ctx, "plain", nil))
	require.Eventually(t, func() bool { return len(read()) == 6 }, patience, 5*time.Millisecond)
	require.Equal(t, []string{"-changed", "+plain"}, read()[4:])

	for _, c := range s.Components() {
		require.Zero(t, c.Restarts, c.Name)
		require.Equal(t, supervisor.Ready, c.State, c.Name)
	}
	require.ErrorIs(t, s.Restart(ctx, "nobody", nil), supervisor.ErrUnknown)
	require.NoError(t, stop())
}
