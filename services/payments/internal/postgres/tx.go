package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"redoubt.example/services/payments/internal/ledger"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/fault"
)

type tx struct{ pgx.Tx }

// Claim waits by itself: a conflicting insert blocks until the transaction that holds the key has ended.
func (t tx) Claim(ctx context.Context, k ledger.Key, result uuid.UUID) (uuid.UUID, error) {
	if !controls.On(controls.AppIdempotency) {
		return result, nil // each time is the first
	}
	tag, err := t.Exec(ctx, `INSERT INTO idempotency_keys (principal, caller, operation, key, fingerprint, result)
		VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
		k.Principal, k.Caller, k.Operation, k.Value, k.Fingerprint[:], result)
	if err != nil || tag.RowsAffected() == 1 {
		return result, err
	}
	var fingerprint []byte
	var bound uuid.UUID
	err = t.QueryRow(ctx, `SELECT fingerprint, result FROM idempotency_keys
		WHERE principal = $1 AND caller = $2 AND operation = $3 AND key = $4`,
		k.Principal, k.Caller, k.Operation, k.Value).Scan(&fingerprint, &bound)
	if err != nil {
		return uuid.Nil, err
	}
	if string(fingerprint) != string(k.Fingerprint[:]) {
		controls.Record(ctx, controls.AppIdempotency, controls.Deny, "the key was used for another request", "operation", k.Operation)
		return uuid.Nil, fault.New(fault.Unprocessable, "this idempotency key was used for another request")
	}
	return bound, nil
}

// Post inserts the entries in order of account, and so locks the accounts in that order.
func (t tx) Post(ctx context.Context, p ledger.Transfer) error {
	accounts, amounts := make([]string, len(p.Entries)), make([]int64, len(p.Entries))
	for i, e := range p.Entries {
		accounts[i], amounts[i] = string(e.Account), e.Amount
	}
	_, err := t.Exec(ctx, `WITH posted AS (
			INSERT INTO transfers (id, kind, principal, memo, refund_of, service, actor, entry_count, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id)
		INSERT INTO entries (transfer_id, account, amount)
		SELECT posted.id, e.account, e.amount FROM posted, unnest($10::text[], $11::bigint[]) AS e (account, amount)
		ORDER BY e.account COLLATE "C"`,
		p.ID, p.Kind, p.Principal, p.Memo, optional(p.RefundOf), p.Service, p.Actor, len(p.Entries), p.CreatedAt, accounts, amounts)
	return err
}

func (t tx) Transfer(ctx context.Context, id uuid.UUID) (ledger.Transfer, error) {
	rows, err := t.Query(ctx, selectTransfers+` WHERE t.id = $1`, id)
	if err != nil {
		return ledger.Transfer{}, err
	}
	return found("transfer", rows, scanTransfer)
}

func (t tx) OpenAuthorization(ctx context.Context, a ledger.Authorization) error {
	_, err := t.Exec(ctx, `INSERT INTO authorizations (id, principal, maker, amount, reference, hold_id, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		a.ID, a.Principal, a.Maker, a.Amount, a.Reference, a.Hold, a.CreatedAt, a.ExpiresAt)
	return err
}

func (t tx) Authorization(ctx context.Context, id uuid.UUID) (ledger.Authorization, error) {
	rows, err := t.Query(ctx, selectAuthorizations+` WHERE id = $1 FOR UPDATE`, id)
	if err != nil {
		return ledger.Authorization{}, err
	}
	return found("authorization", rows, scanAuthorization)
}

func (t tx) NextExpired(ctx context.Context, now time.Time) (ledger.Authorization, error) {
	rows, err := t.Query(ctx, selectAuthorizations+`
		WHERE state = 'authorized' AND expires_at <= $1 ORDER BY expires_at LIMIT 1 FOR UPDATE SKIP LOCKED`, now)
	if err != nil {
		return ledger.Authorization{}, err
	}
	return found("authorization", rows, scanAuthorization)
}

func (t tx) SettleAuthorization(ctx context.Context, a ledger.Authorization) error {
	_, err := t.Exec(ctx, `UPDATE authorizations SET state = $2, settlement_id = $3, settled_at = $4 WHERE id = $1`,
		a.ID, a.State, a.Settlement, a.SettledAt)
	return err
}
