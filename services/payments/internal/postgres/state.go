package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"redoubt.example/services/payments/internal/ledger"
)

const selectAccount = `SELECT balance, state, coalesce((SELECT balance FROM accounts WHERE id = $2), 0) FROM accounts WHERE id = $1`

func scanAccount(row pgx.CollectableRow) (b ledger.Balance, err error) {
	err = row.Scan(&b.Available, &b.State, &b.Held)
	return b, err
}

// Account locks the principal's account: transfers that change it wait until the transaction ends.
func (t tx) Account(ctx context.Context, principal string) (ledger.Balance, error) {
	rows, err := t.Query(ctx, selectAccount+` FOR UPDATE`, ledger.Customer(principal), ledger.Held(principal))
	if err != nil {
		return ledger.Balance{}, err
	}
	return found("account", rows, scanAccount)
}

func (t tx) SetState(ctx context.Context, c ledger.StateChange) error {
	_, err := t.Exec(ctx, `WITH changed AS (UPDATE accounts SET state = $2 WHERE id = $1)
		INSERT INTO account_changes (account, state, actor, changed_at) VALUES ($1, $2, $3, $4)`,
		ledger.Customer(c.Principal), c.State, c.Actor, c.At)
	return err
}
