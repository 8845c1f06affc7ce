// Package postgres keeps the ledger in PostgreSQL. The invariants live in its schema (migrations); this package
// only speaks to it, with a role that can't break them.
package postgres

import (
	"context"
	"embed"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"redoubt.example/services/payments/internal/ledger"
	"redoubt.example/services/platform/fault"
)

// Migrations are the numbered steps of the schema, applied once each as its owner.
//
//go:embed migrations/*.sql
var Migrations embed.FS

// Store is a ledger.Store over a pool, which belongs to the caller.
type Store struct{ pool *pgxpool.Pool }

var _ ledger.Store = (*Store)(nil)

// New returns a store. The schema must be there.
func New(pool *pgxpool.Pool) *Store { return &Store{pool: pool} }

// Do implements ledger.Store. READ COMMITTED is enough: rows are locked, and constraints decide.
func (s *Store) Do(ctx context.Context, f func(context.Context, ledger.Tx) error) error {
	err := pgx.BeginFunc(ctx, s.pool, func(t pgx.Tx) error { return f(ctx, tx{t}) })
	record(ctx, err)
	return asFault(err)
}

// Balance implements ledger.Store.
func (s *Store) Balance(ctx context.Context, principal string) (b ledger.Balance, err error) {
	rows, err := s.pool.Query(ctx, selectAccount, ledger.Customer(principal), ledger.Held(principal))
	if err != nil {
		return ledger.Balance{}, asFault(err)
	}
	if b, err = found("account", rows, scanAccount); fault.KindOf(err) == fault.NotFound {
		return ledger.Balance{State: ledger.Active}, nil
	}
	return b, asFault(err)
}

// Transfers implements ledger.Store.
func (s *Store) Transfers(ctx context.Context, principal string, before uuid.UUID, limit int) ([]ledger.Transfer, error) {
	rows, err := s.pool.Query(ctx, selectTransfers+`
		WHERE t.principal = $1 AND ($2::uuid IS NULL OR t.id < $2) ORDER BY t.id DESC LIMIT $3`,
		principal, optional(before), limit)
	if err != nil {
		return nil, asFault(err)
	}
	list, err := pgx.CollectRows(rows, scanTransfer)
	return list, asFault(err)
}

// forgetBatch keeps the deletion of old keys in short transactions.
const forgetBatch = 1000

// ForgetKeys implements ledger.Store.
func (s *Store) ForgetKeys(ctx context.Context, before time.Time) error {
	for {
		tag, err := s.pool.Exec(ctx, `DELETE FROM idempotency_keys WHERE ctid = ANY (ARRAY(
			SELECT ctid FROM idempotency_keys WHERE claimed_at < $1 ORDER BY claimed_at LIMIT $2))`, before, forgetBatch)
		if err != nil {
			return asFault(fmt.Errorf("forget idempotency keys: %w", err))
		}
		if tag.RowsAffected() < forgetBatch {
			return nil
		}
	}
}
