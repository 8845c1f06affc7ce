// Package postgres keeps documents in PostgreSQL.
package postgres

import (
	"context"
	"embed"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"redoubt.example/services/ingestion/internal/documents"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/pgfault"
)

// Migrations are the numbered steps of the schema, applied once each as its owner.
//
//go:embed migrations/*.sql
var Migrations embed.FS

// Store is a documents.Store over a pool, which belongs to the caller.
type Store struct{ pool *pgxpool.Pool }

var _ documents.Store = (*Store)(nil)

// New returns a store. The schema must be there.
func New(pool *pgxpool.Pool) *Store { return &Store{pool: pool} }

// Put implements documents.Store. A conflicting insert waits for the transaction that holds the key.
func (s *Store) Put(ctx context.Context, d documents.Document) (documents.Document, error) {
	metadata := d.Metadata
	if metadata == nil {
		metadata = map[string]string{}
	}
	tag, err := s.pool.Exec(ctx, `INSERT INTO documents (id, owner, title, text, metadata, language, charge, state,
			authorization_id, idempotency_key, fingerprint, created_at, settle_after)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, nullif($10, ''), $11, $12, $13)
		ON CONFLICT ON CONSTRAINT documents_once_per_key DO NOTHING`,
		d.ID, d.Owner, d.Title, d.Text, metadata, d.Language, d.Charge, d.State,
		d.Authorization, d.Key, d.Fingerprint[:], d.CreatedAt, d.SettleAfter)
	switch {
	case err != nil:
		return documents.Document{}, asFault(err)
	case tag.RowsAffected() == 0:
		return s.ByKey(ctx, d.Owner, d.Key)
	}
	return d, nil
}

// ByKey implements documents.Store.
func (s *Store) ByKey(ctx context.Context, owner, key string) (documents.Document, error) {
	return s.one(ctx, selectWhole+` WHERE owner = $1 AND idempotency_key = $2`, owner, key)
}

// Get implements documents.Store.
func (s *Store) Get(ctx context.Context, id uuid.UUID) (documents.Document, error) {
	return s.one(ctx, selectWhole+` WHERE id = $1 AND state = 'charged'`, id)
}

// List implements documents.Store.
func (s *Store) List(ctx context.Context, owner string, before documents.Position, limit int) ([]documents.Document, error) {
	var from *time.Time // none: from the newest
	if !before.CreatedAt.IsZero() {
		from = &before.CreatedAt
	}
	return s.many(ctx, selectSummary+` WHERE owner = $1 AND state = 'charged'
		AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3)) ORDER BY created_at DESC, id DESC LIMIT $4`,
		owner, from, before.ID, limit)
}

// Confirm implements documents.Store.
func (s *Store) Confirm(ctx context.Context, id uuid.UUID) error {
	_, err := s.pool.Exec(ctx, `UPDATE documents SET state = 'charged' WHERE id = $1 AND state = 'pending'`, id)
	return asFault(err)
}

// Withdraw implements documents.Store.
func (s *Store) Withdraw(ctx context.Context, id uuid.UUID) error {
	_, err := s.pool.Exec(ctx, `DELETE FROM documents WHERE id = $1 AND state = 'pending'`, id)
	return asFault(err)
}

// ClaimPending implements documents.Store.
func (s *Store) ClaimPending(ctx context.Context, now, until time.Time, limit int) ([]documents.Document, error) {
	return s.many(ctx, `UPDATE documents SET settle_after = $2 WHERE id IN (
			SELECT id FROM documents WHERE state = 'pending' AND settle_after <= $1
			ORDER BY settle_after LIMIT $3 FOR UPDATE SKIP LOCKED)
		RETURNING `+summary, now, until, limit)
}

func (s *Store) one(ctx context.Context, query string, args ...any) (documents.Document, error) {
	rows, err := s.pool.Query(ctx, query, args...)
	if err != nil {
		return documents.Document{}, asFault(err)
	}
	d, err := pgx.CollectExactlyOneRow(rows, scanWhole)
	if errors.Is(err, pgx.ErrNoRows) {
		return d, fault.New(fault.NotFound, "no such document")
	}
	return d, asFault(err)
}

func (s *Store) many(ctx context.Context, query string, args ...any) ([]documents.Document, error) {
	rows, err := s.pool.Query(ctx, query, args...)
	if err != nil {
		return nil, asFault(err)
	}
	list, err := pgx.CollectRows(rows, scanSummary)
	return list, asFault(err)
}

func asFault(err error) error { return pgfault.From(err, "the documents") }
