package postgres

import (
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"redoubt.example/services/payments/internal/ledger"
	"redoubt.example/services/platform/fault"
)

const selectTransfers = `SELECT t.id, t.kind, t.principal, t.memo, t.refund_of, t.service, t.actor, t.created_at, e.accounts, e.amounts
	FROM transfers t CROSS JOIN LATERAL (
		SELECT array_agg(account ORDER BY amount) AS accounts, array_agg(amount ORDER BY amount) AS amounts
		FROM entries WHERE transfer_id = t.id) e`

func scanTransfer(row pgx.CollectableRow) (t ledger.Transfer, err error) {
	var refundOf *uuid.UUID
	var accounts []string
	var amounts []int64
	err = row.Scan(&t.ID, &t.Kind, &t.Principal, &t.Memo, &refundOf, &t.Service, &t.Actor, &t.CreatedAt, &accounts, &amounts)
	t.CreatedAt, t.RefundOf = t.CreatedAt.UTC(), orNil(refundOf)
	for i := range accounts {
		t.Entries = append(t.Entries, ledger.Entry{Account: ledger.Account(accounts[i]), Amount: amounts[i]})
	}
	return t, err
}

const selectAuthorizations = `SELECT id, principal, maker, amount, reference, state, hold_id, settlement_id, created_at, expires_at, settled_at
	FROM authorizations`

func scanAuthorization(row pgx.CollectableRow) (a ledger.Authorization, err error) {
	var settlement *uuid.UUID
	var settledAt *time.Time
	err = row.Scan(&a.ID, &a.Principal, &a.Maker, &a.Amount, &a.Reference, &a.State, &a.Hold, &settlement,
		&a.CreatedAt, &a.ExpiresAt, &settledAt)
	a.CreatedAt, a.ExpiresAt, a.Settlement = a.CreatedAt.UTC(), a.ExpiresAt.UTC(), orNil(settlement)
	if settledAt != nil {
		a.SettledAt = settledAt.UTC()
	}
	return a, err
}

func found[T any](what string, rows pgx.Rows, scan pgx.RowToFunc[T]) (T, error) {
	one, err := pgx.CollectExactlyOneRow(rows, scan)
	if errors.Is(err, pgx.ErrNoRows) {
		return one, fault.New(fault.NotFound, "no such %s", what)
	}
	return one, err
}

func optional(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}

func orNil(id *uuid.UUID) uuid.UUID {
	if id == nil {
		return uuid.Nil
	}
	return *id
}
