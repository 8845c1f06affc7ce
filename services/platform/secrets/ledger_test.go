package secrets_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane/controlplanetest"
	"redoubt.example/services/platform/controls"
)

// TestQueriesAreEntered in the ledger of the request that waits for them.
func TestQueriesAreEntered(t *testing.T) {
	env := controlplanetest.Start(t)
	v, _ := login(t, env, "payments")
	pool, err := v.Database(t.Context(), database(env, "payments", "payments"))
	require.NoError(t, err)
	defer pool.Close()
	ctx, ledger := controls.WithLedger(t.Context())
	for range 3 {
		_, err = pool.Exec(ctx, "SELECT pg_sleep(0.01)")
		require.NoError(t, err)
	}
	entries := ledger.Entries()
	require.Len(t, entries, 1)
	require.Equal(t, controls.Database, entries[0].Name)
	require.GreaterOrEqual(t, entries[0].Time, 30*time.Millisecond)
}
