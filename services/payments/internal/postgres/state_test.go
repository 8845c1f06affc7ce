package postgres_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"redoubt.example/services/payments/internal/ledger"
	"redoubt.example/services/platform/fault"
)

// TestAccountState: here every policy allows, so that what refuses is the schema.
func TestAccountState(t *testing.T) {
	b, owner := open(t)
	ctx := t.Context()
	set := func(principal string, to ledger.AccountState) fault.Kind {
		err := b.SetState(ctx, carol, principal, to)
		if err == nil {
			return 255
		}
		return fault.KindOf(err)
	}
	const done = fault.Kind(255)
	requireKind := func(t *testing.T, want fault.Kind, err error) {
		t.Helper()
		require.Error(t, err)
		require.Equal(t, want, fault.KindOf(err), "%v", err)
	}

	require.Equal(t, fault.NotFound, set("nobody-yet", ledger.Frozen))
	credit, before := b.credit(t, "fred", 10), b.hold(t, "fred", 4)
	back := b.hold(t, "fred", 1)
	require.Equal(t, fault.Invalid, set("fred", "golden"))
	require.Equal(t, fault.Conflict, set("fred", ledger.Closed), "with credits")

	require.Equal(t, done, set("fred", ledger.Frozen))
	require.Equal(t, done, set("fred", ledger.Frozen), "again")
	_, err := b.Authorize(ctx, ingestion("fred"), uuid.NewString(), ledger.Hold{Amount: 1})
	requireKind(t, fault.AccountBlocked, err)
	_, err = b.Capture(ctx, ingestion("fred"), before.ID)
	require.NoError(t, err, "set aside before")
	_, err = b.Void(ctx, ingestion("fred"), back.ID)
	require.NoError(t, err, "given back")
	b.credit(t, "fred", 4)
	b.requireBalance(t, "fred", 10, 0)

	require.Equal(t, done, set("fred", ledger.Active))
	last := b.hold(t, "fred", 1)
	require.Equal(t, done, set("fred", ledger.Frozen))
	_, err = b.Void(ctx, ingestion("fred"), last.ID)
	require.NoError(t, err)
	_, err = b.Refund(ctx, carol, "", credit.ID)
	require.NoError(t, err, "staff take back what they gave")
	require.Equal(t, done, set("fred", ledger.Closed), "empty now")
	require.Equal(t, done, set("fred", ledger.Closed), "again")
	require.Equal(t, fault.Conflict, set("fred", ledger.Active), "for good")
	_, err = b.Credit(ctx, carol, uuid.NewString(), ledger.Credit{To: "fred", Amount: 1})
	requireKind(t, fault.AccountBlocked, err)
	requireState(t, b.pool, `UPDATE accounts SET state = 'active' WHERE id = 'customer:fred'`, violated)

	var states []string
	rows, err := owner.Query(ctx, `SELECT state || ' by ' || actor FROM account_changes WHERE account = 'customer:fred' ORDER BY changed_at`)
	require.NoError(t, err)
	for rows.Next() {
		var state string
		require.NoError(t, rows.Scan(&state))
		states = append(states, state)
	}
	require.Equal(t, []string{"frozen by carol", "active by carol", "frozen by carol", "closed by carol"}, states)
	b.requireSound(t)
}

// TestNothingSlipsPastAClosing: credits and a closing at once leave an account either open or empty.
func TestNothingSlipsPastAClosing(t *testing.T) {
	b, _ := open(t)
	for range 20 {
		name := "closing-" + uuid.NewString()
		first := b.credit(t, name, 1)
		_, err := b.Refund(t.Context(), carol, "", first.ID)
		require.NoError(t, err)
		outcomes := race(8, func(i int) error {
			if i%2 == 0 {
				return b.SetState(t.Context(), carol, name, ledger.Closed)
			}
			_, err := b.Credit(t.Context(), carol, uuid.NewString(), ledger.Credit{To: name, Amount: 1})
			return err
		})
		got, err := b.Balance(t.Context(), name)
		require.NoError(t, err)
		require.Equal(t, got.State == ledger.Closed, got.Available == 0, "%v: %v", got, outcomes)
	}
	b.requireSound(t)
}
