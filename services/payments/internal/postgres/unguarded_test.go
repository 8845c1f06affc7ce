package postgres_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"redoubt.example/services/payments/internal/ledger"
)

// apply runs what the lab does to the ledger when it takes infra.ledger away, or puts it back.
func apply(t *testing.T, owner *pgxpool.Pool, file string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../../../infra/controlplane/postgres", file))
	require.NoError(t, err)
	_, err = owner.Exec(t.Context(), string(text))
	require.NoError(t, err)
}

// Without the constraints, whoever asks often enough at once gets more than he has. With them again he doesn't, and the
// books add up.
func TestWithoutItsConstraints(t *testing.T) {
	b, owner := open(t)
	ctx := t.Context()
	spend := func(int) error {
		_, err := b.Authorize(ctx, ingestion("spender"), uuid.NewString(), ledger.Hold{Amount: 3})
		return err
	}
	b.credit(t, "spender", 3)
	tr := b.credit(t, "payee", 10)
	refund := func(int) error {
		_, err := b.Refund(ctx, carol, uuid.NewString(), tr.ID)
		return err
	}

	apply(t, owner, "ledger-off.sql")
	apply(t, owner, "ledger-off.sql")
	require.Greater(t, race(4, spend)[""], 1)
	require.Error(t, spend(0), "who asks alone is refused as before")
	require.Greater(t, race(4, refund)[""], 1)

	apply(t, owner, "ledger-on.sql")
	apply(t, owner, "ledger-on.sql")
	b.requireBalance(t, "payee", 0, 0)
	b.requireSound(t)
	b.credit(t, "spender", 3)
	require.Equal(t, 1, race(4, spend)[""])
	require.Equal(t, map[string]int{"conflict": 4}, race(4, refund))
	b.requireSound(t)
}
