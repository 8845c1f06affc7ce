package postgres_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"redoubt.example/services/payments/internal/ledger"
	"redoubt.example/services/payments/internal/postgres"
	"redoubt.example/services/platform/fault"
)

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

func open(app *pgxpool.Pool) *book {
	b := &book{pool: app}
	b.Ledger = ledger.New(ledger.Config{
		Store:   postgres.New(app),
		Allow:   func(context.Context, ledger.Object) error { return nil },
		HoldFor: time.Minute,
		Now:     func() time.Time { return time.Now().Add(time.Duration(b.ahead.Load())) },
	})
	return b
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
	require.Equal(t, ledger.Balance{Available: available, Held: held}, got)
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

// race runs f n times at once and counts the outcomes by kind; "" counts successes.
func race(n int, f func(i int) error) map[string]int {
	var mu sync.Mutex
	var wg sync.WaitGroup
	outcomes, start := map[string]int{}, make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			name := ""
			if err := f(i); err != nil {
				if name = fault.KindOf(err).String(); name == "internal" {
					name = err.Error()
				}
			}
			mu.Lock()
			defer mu.Unlock()
			outcomes[name]++
		})
	}
	close(start)
	wg.Wait()
	return outcomes
}

func TestRaces(t *testing.T) {
	app, _ := database(t)
	b := open(app)
	ctx := t.Context()

	t.Run("spenders of one balance", func(t *testing.T) {
		b.credit(t, "spender", 60)
		got := race(50, func(int) error {
			_, err := b.Authorize(ctx, ingestion("spender"), uuid.NewString(), ledger.Hold{Amount: 3})
			return err
		})
		require.Equal(t, map[string]int{"": 20, "insufficient-credits": 30}, got)
		b.requireBalance(t, "spender", 0, 60)
		b.requireSound(t)
	})

	t.Run("captures of one authorization", func(t *testing.T) {
		b.credit(t, "buyer", 10)
		a := b.hold(t, "buyer", 10)
		settlements := sync.Map{}
		got := race(20, func(int) error {
			a, err := b.Capture(ctx, ingestion("buyer"), a.ID)
			settlements.Store(a.Settlement, true)
			return err
		})
		require.Equal(t, map[string]int{"": 20}, got)
		n := 0
		settlements.Range(func(any, any) bool { n++; return true })
		require.Equal(t, 1, n, "every capture answers with the one transfer")
		b.requireBalance(t, "buyer", 0, 0)
		b.requireSound(t)
	})

	t.Run("capture against void", func(t *testing.T) {
		b.credit(t, "torn", 50)
		for range 10 {
			a := b.hold(t, "torn", 5)
			got := race(2, func(i int) error {
				settle := b.Capture
				if i == 1 {
					settle = b.Void
				}
				_, err := settle(ctx, ingestion("torn"), a.ID)
				return err
			})
			require.Equal(t, map[string]int{"": 1, "conflict": 1}, got)
		}
		b.requireSound(t)
	})

	t.Run("refunds of one transfer", func(t *testing.T) {
		tr := b.credit(t, "payee", 10)
		got := race(20, func(i int) error {
			_, err := b.Refund(ctx, carol, fmt.Sprintf("refund-%d", i), tr.ID)
			return err
		})
		require.Equal(t, map[string]int{"": 1, "conflict": 19}, got)
		b.requireBalance(t, "payee", 0, 0)
		b.requireSound(t)
	})

	t.Run("requests with one key", func(t *testing.T) {
		b.credit(t, "repeater", 100)
		answers := sync.Map{}
		got := race(20, func(int) error {
			a, err := b.Authorize(ctx, ingestion("repeater"), "same", ledger.Hold{Amount: 10})
			answers.Store(a.ID, true)
			return err
		})
		require.Equal(t, map[string]int{"": 20}, got)
		n := 0
		answers.Range(func(any, any) bool { n++; return true })
		require.Equal(t, 1, n)
		b.requireBalance(t, "repeater", 90, 10)
		b.requireSound(t)
	})

	t.Run("everything at once never deadlocks", func(t *testing.T) {
		b.credit(t, "busy", 100)
		b.credit(t, "other", 100)
		got := race(50, func(i int) error {
			who := []string{"busy", "other"}[i%2]
			a, err := b.Authorize(ctx, ingestion(who), uuid.NewString(), ledger.Hold{Amount: 1})
			if err != nil {
				return err
			}
			if i%3 == 0 {
				_, err = b.Void(ctx, ingestion(who), a.ID)
				return err
			}
			if a, err = b.Capture(ctx, ingestion(who), a.ID); err != nil || i%5 != 0 {
				return err
			}
			_, err = b.Refund(ctx, carol, uuid.NewString(), a.Settlement)
			return err
		})
		require.Equal(t, map[string]int{"": 50}, got)
		b.requireSound(t)
	})
}
