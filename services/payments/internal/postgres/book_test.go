package postgres_test

import (
	"context"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"redoubt.example/services/payments/internal/ledger"
	"redoubt.example/services/payments/internal/postgres"
	"redoubt.example/services/platform/databasetest"
)

func TestMain(m *testing.M) { os.Exit(databasetest.Main(m)) }

var (
	ingestion = func(principal string) ledger.Actor { return ledger.Actor{Principal: principal, Service: "ingestion"} }
	carol     = ledger.Actor{Principal: "carol", Service: "gateway"}
)

// book is a ledger on a real database, with a clock that a test can turn forward.
type book struct {
	*ledger.Ledger
	pool  *pgxpool.Pool
	ahead atomic.Int64
}

func open(t *testing.T) (b *book, owner *pgxpool.Pool) {
	t.Helper()
	b = &book{}
	b.pool, owner = databasetest.Open(t, "payments", postgres.Migrations)
	b.Ledger = ledger.New(ledger.Config{
		Store:   postgres.New(b.pool),
		Allow:   func(context.Context, ledger.Object) error { return nil },
		HoldFor: time.Minute,
		Now:     func() time.Time { return time.Now().Add(time.Duration(b.ahead.Load())) },
	})
	return b, owner
}

func (b *book) credit(t *testing.T, to string, amount int64) ledger.Transfer {
	t.Helper()
	tr, err := b.Credit(t.Context(), carol, uuid.NewString(), ledger.Credit{To: to, Amount: amount})
	require.NoError(t, err)
	return tr
}

func (b *book) hold(t *testing.T, of string, amount int64) ledger.Authorization {
	t.Helper()
	a, err := b.Authorize(t.Context(), ingestion(of), uuid.NewString(), ledger.Hold{Amount: amount})
	require.NoError(t, err)
	return a
}

func (b *book) requireBalance(t *testing.T, of string, available, held int64) {
	t.Helper()
	got, err := b.Balance(t.Context(), of)
	require.NoError(t, err)
	require.Equal(t, []int64{available, held}, []int64{got.Available, got.Held})
}

// requireSound checks what must hold after every test: all entries sum to zero, and the kept balances are their sums.
func (b *book) requireSound(t *testing.T) {
	t.Helper()
	var total, wrong int64
	require.NoError(t, b.pool.QueryRow(t.Context(), `SELECT coalesce(sum(amount), 0) FROM entries`).Scan(&total))
	require.Zero(t, total, "the sum of all entries")
	require.NoError(t, b.pool.QueryRow(t.Context(), `SELECT count(*) FROM accounts a WHERE balance IS NOT NULL
		AND balance <> (SELECT coalesce(sum(amount), 0) FROM entries e WHERE e.account = a.id)`).Scan(&wrong))
	require.Zero(t, wrong, "accounts whose balance isn't the sum of their entries")
}
