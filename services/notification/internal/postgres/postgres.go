// Package postgres keeps messages, endpoints, sources and the outbox in PostgreSQL.
package postgres

import (
	"context"
	"embed"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"redoubt.example/services/notification/internal/message"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/pgfault"
	"redoubt.example/services/platform/telemetry"
)

// Migrations are the schema's numbered steps.
//
//go:embed migrations/*.sql
var Migrations embed.FS

const (
	keepReceipts   = 24 * time.Hour // a signature is believed for minutes
	keepDeliveries = 30 * 24 * time.Hour
)

// Store implements the stores of message and webhook. Its errors are faults.
type Store struct{ pool *pgxpool.Pool }

// New returns a store on a pool, which stays the caller's.
func New(pool *pgxpool.Pool) *Store { return &Store{pool} }

// AddMessage implements message.Store. One statement is one transaction: a message and its deliveries, or nothing.
func (s *Store) AddMessage(ctx context.Context, m message.Message) error {
	_, err := s.pool.Exec(ctx, `WITH m AS (
			INSERT INTO messages (id, recipient, kind, subject, data, request_id, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id, recipient, kind)
		INSERT INTO deliveries (message_id, endpoint_id)
		SELECT m.id, e.id FROM m JOIN endpoints e ON e.owner = m.recipient AND e.events && ARRAY[m.kind, '*']
		FOR KEY SHARE OF e`,
		m.ID, m.Recipient, m.Kind, m.Subject, m.Data, m.RequestID, m.CreatedAt)
	return asFault(err)
}

// Messages implements message.Store.
func (s *Store) Messages(ctx context.Context, recipient string, before uuid.UUID, limit int) ([]message.Message, error) {
	rows, err := s.pool.Query(ctx, `SELECT id, recipient, kind, subject, data, request_id, created_at FROM messages
		WHERE recipient = $1 AND id < $2 ORDER BY id DESC LIMIT $3`, recipient, before, limit)
	if err != nil {
		return nil, asFault(err)
	}
	messages, err := pgx.CollectRows(rows, pgx.RowToStructByPos[message.Message])
	return messages, asFault(err)
}

// Receive implements webhook.ReceiptStore.
func (s *Store) Receive(ctx context.Context, source, id string, m message.Message) error {
	tag, err := s.pool.Exec(ctx, `WITH r AS (
			INSERT INTO receipts (source, webhook_id) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING 1)
		INSERT INTO messages (id, recipient, kind, subject, data, request_id, created_at)
		SELECT $3, $4, $5, $6, $7, $8, $9 FROM r`,
		source, id, m.ID, m.Recipient, m.Kind, m.Subject, m.Data, m.RequestID, m.CreatedAt)
	if err == nil && tag.RowsAffected() == 0 {
		return fault.New(fault.Conflict, "this webhook was received before")
	}
	return asFault(err)
}

// RunPrune deletes what is of no use any more, now and then, until ctx ends.
func (s *Store) RunPrune(ctx context.Context, every time.Duration) error {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		if err := s.prune(ctx); err != nil && ctx.Err() == nil {
			telemetry.Log(ctx).Warn("old rows are still there", "error", err.Error())
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

func (s *Store) prune(ctx context.Context) error {
	_, receipts := s.pool.Exec(ctx, `DELETE FROM receipts WHERE received_at < now() - $1::interval`, keepReceipts)
	_, deliveries := s.pool.Exec(ctx, `DELETE FROM deliveries WHERE state <> 'pending' AND settled_at < now() - $1::interval`, keepDeliveries)
	return asFault(errors.Join(receipts, deliveries))
}

func asFault(err error) error { return pgfault.From(err, "the inbox") }
