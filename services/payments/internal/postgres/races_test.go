package postgres_test

import (
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"redoubt.example/services/payments/internal/ledger"
	"redoubt.example/services/platform/fault"
)

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
	b, _ := open(t)
	second, _ := open(t)
	third, _ := open(t)
	replica := func(i int) *book { return []*book{b, second, third}[i%3] } // each with connections of its own
	ctx := t.Context()

	t.Run("spenders of one balance", func(t *testing.T) {
		b.credit(t, "spender", 60)
		got := race(50, func(i int) error {
			_, err := replica(i).Authorize(ctx, ingestion("spender"), uuid.NewString(), ledger.Hold{Amount: 3})
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
		got := race(20, func(i int) error {
			a, err := replica(i).Capture(ctx, ingestion("buyer"), a.ID)
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
					settle = second.Void
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
			_, err := replica(i).Refund(ctx, carol, uuid.NewString(), tr.ID)
			return err
		})
		require.Equal(t, map[string]int{"": 1, "conflict": 19}, got)
		b.requireBalance(t, "payee", 0, 0)
		b.requireSound(t)
	})

	t.Run("requests with one key", func(t *testing.T) {
		b.credit(t, "repeater", 100)
		answers := sync.Map{}
		got := race(20, func(i int) error {
			a, err := replica(i).Authorize(ctx, ingestion("repeater"), "same", ledger.Hold{Amount: 10})
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
			who, b := []string{"busy", "other"}[i%2], replica(i)
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
