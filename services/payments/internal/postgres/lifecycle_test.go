package postgres_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"redoubt.example/services/payments/internal/ledger"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/controls/controlstest"
	"redoubt.example/services/platform/fault"
)

func TestLifecycle(t *testing.T) {
	b, _ := open(t)
	ctx := t.Context()
	requireKind := func(t *testing.T, want fault.Kind, err error) {
		t.Helper()
		require.Error(t, err)
		require.Equal(t, want, fault.KindOf(err), "%v", err)
	}

	t.Run("nothing to spend", func(t *testing.T) {
		_, err := b.Authorize(ctx, ingestion("poor"), "k", ledger.Hold{Amount: 1})
		requireKind(t, fault.InsufficientCredits, err)
		b.requireBalance(t, "poor", 0, 0)
		b.credit(t, "poor", 1)
		_, err = b.Authorize(ctx, ingestion("poor"), "k", ledger.Hold{Amount: 1})
		require.NoError(t, err, "a refusal leaves its key unused")
	})

	t.Run("a key belongs to one request of one principal and caller", func(t *testing.T) {
		b.credit(t, "ann", 100)
		b.credit(t, "ben", 100)
		one, err := b.Authorize(ctx, ingestion("ann"), "key", ledger.Hold{Amount: 5, Reference: "x"})
		require.NoError(t, err)
		_, err = b.Capture(ctx, ingestion("ann"), one.ID)
		require.NoError(t, err)
		again, err := b.Authorize(ctx, ingestion("ann"), "key", ledger.Hold{Amount: 5, Reference: "x"})
		require.NoError(t, err)
		require.Equal(t, one, again, "the first answer, as it was")
		_, err = b.Authorize(ctx, ingestion("ann"), "key", ledger.Hold{Amount: 6, Reference: "x"})
		requireKind(t, fault.Unprocessable, err)
		for _, by := range []ledger.Actor{ingestion("ben"), {Principal: "ann", Service: "inference"}} {
			other, err := b.Authorize(ctx, by, "key", ledger.Hold{Amount: 5, Reference: "x"})
			require.NoError(t, err)
			require.NotEqual(t, one.ID, other.ID)
		}
		first, err := b.Credit(ctx, carol, "key", ledger.Credit{To: "ann", Amount: 7})
		require.NoError(t, err)
		second, err := b.Credit(ctx, carol, "key", ledger.Credit{To: "ann", Amount: 7})
		require.NoError(t, err)
		require.Equal(t, first, second)
	})

	t.Run("settled once", func(t *testing.T) {
		b.credit(t, "settler", 10)
		captured, voided := b.hold(t, "settler", 4), b.hold(t, "settler", 6)
		_, err := b.Capture(ctx, ingestion("settler"), captured.ID)
		require.NoError(t, err)
		_, err = b.Void(ctx, ingestion("settler"), captured.ID)
		requireKind(t, fault.Conflict, err)
		_, err = b.Void(ctx, ingestion("settler"), voided.ID)
		require.NoError(t, err)
		_, err = b.Void(ctx, ingestion("settler"), voided.ID)
		require.NoError(t, err)
		_, err = b.Capture(ctx, ingestion("settler"), voided.ID)
		requireKind(t, fault.Conflict, err)
		_, err = b.Capture(ctx, ingestion("settler"), uuid.New())
		requireKind(t, fault.NotFound, err)
		b.requireBalance(t, "settler", 6, 0)
	})

	t.Run("refunded once, and only what changed hands", func(t *testing.T) {
		credit := b.credit(t, "shopper", 10)
		a := b.hold(t, "shopper", 10)
		_, err := b.Refund(ctx, carol, "", a.Hold)
		requireKind(t, fault.Unprocessable, err)
		_, err = b.Refund(ctx, carol, "", credit.ID)
		requireKind(t, fault.InsufficientCredits, err)
		a, err = b.Capture(ctx, ingestion("shopper"), a.ID)
		require.NoError(t, err)
		refund, err := b.Refund(ctx, carol, "back", a.Settlement)
		require.NoError(t, err)
		require.Equal(t, int64(10), refund.Amount())
		again, err := b.Refund(ctx, carol, "back", a.Settlement)
		require.NoError(t, err)
		require.Equal(t, refund, again)
		_, err = b.Refund(ctx, carol, "", a.Settlement)
		requireKind(t, fault.Conflict, err)
		_, err = b.Refund(ctx, carol, "", refund.ID)
		requireKind(t, fault.Unprocessable, err)
		b.requireBalance(t, "shopper", 10, 0)
	})

	t.Run("expired by several sweepers", func(t *testing.T) {
		late, _ := open(t)
		late.credit(t, "late", 30)
		var last ledger.Authorization
		for range 30 {
			last = late.hold(t, "late", 1)
		}
		late.ahead.Store(int64(2 * time.Minute))
		_, err := late.Capture(ctx, ingestion("late"), last.ID)
		requireKind(t, fault.Conflict, err)
		counts := make(chan int, 4)
		require.Equal(t, map[string]int{"": 4}, race(4, func(int) error {
			n, err := late.Sweep(ctx)
			counts <- n
			return err
		}))
		require.GreaterOrEqual(t, <-counts+<-counts+<-counts+<-counts, 30)
		late.requireBalance(t, "late", 30, 0)
		a, err := late.Void(ctx, ingestion("late"), last.ID)
		require.NoError(t, err)
		require.Equal(t, ledger.Expired, a.State)
		_, err = late.Capture(ctx, ingestion("late"), last.ID)
		requireKind(t, fault.Conflict, err)
	})

	t.Run("keys are forgotten", func(t *testing.T) {
		old, _ := open(t)
		old.ahead.Store(int64(ledger.KeysKept + time.Hour))
		_, err := old.Sweep(ctx)
		require.NoError(t, err)
		var n int
		require.NoError(t, b.pool.QueryRow(ctx, `SELECT count(*) FROM idempotency_keys`).Scan(&n))
		require.Zero(t, n)
	})

	t.Run("pages", func(t *testing.T) {
		var want []uuid.UUID
		for range 7 {
			want = append([]uuid.UUID{b.credit(t, "reader", 1).ID}, want...)
		}
		var got []uuid.UUID
		for before := uuid.Nil; ; {
			page, next, err := b.Transfers(ctx, "reader", before, 3)
			require.NoError(t, err)
			for _, tr := range page {
				require.Len(t, tr.Entries, 2)
				got = append(got, tr.ID)
			}
			if before = next; next == uuid.Nil {
				break
			}
		}
		require.Equal(t, want, got)
	})
	b.requireSound(t)
}

// TestKeyOff is what a key stops: a request sent again takes effect again.
func TestKeyOff(t *testing.T) {
	controlstest.Off(t, func() {
		b, _ := open(t)
		b.credit(t, "ann", 100)
		for range 2 {
			_, err := b.Authorize(t.Context(), ingestion("ann"), "key", ledger.Hold{Amount: 5})
			require.NoError(t, err)
		}
		b.requireBalance(t, "ann", 90, 10)
	}, controls.AppIdempotency)
}
