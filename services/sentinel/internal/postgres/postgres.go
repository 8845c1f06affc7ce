// Package postgres keeps events, alerts and responses in PostgreSQL. The service's login adds and reads; it can change
// and delete nothing.
package postgres

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"redoubt.example/services/platform/alert"
	"redoubt.example/services/platform/pgfault"
)

// Migrations are the schema's numbered steps.
//
//go:embed migrations/*.sql
var Migrations embed.FS

// Store implements the stores of archive and alerts. Its errors are faults.
type Store struct{ pool *pgxpool.Pool }

// New returns a store on a pool, which stays the caller's.
func New(pool *pgxpool.Pool) *Store { return &Store{pool} }

// KeepEvents makes the partitions that are needed soon, and drops those that are older than so many days.
func (s *Store) KeepEvents(ctx context.Context, days int) (dropped int, err error) {
	err = s.pool.QueryRow(ctx, "SELECT keep_events($1)", days).Scan(&dropped)
	return dropped, asFault(err)
}

// AddAlerts implements alerts.Store.
func (s *Store) AddAlerts(ctx context.Context, all []alert.Alert) error {
	batch := &pgx.Batch{}
	for _, a := range all {
		document, err := json.Marshal(a)
		if err != nil {
			return fmt.Errorf("store alert: %w", err)
		}
		batch.Queue("INSERT INTO alerts (seq, id, rule, raised, document) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (seq) DO NOTHING",
			a.Seq, a.ID, a.Rule, a.Raised, document)
	}
	return asFault(s.pool.SendBatch(ctx, batch).Close())
}

// LatestAlerts implements alerts.Store.
func (s *Store) LatestAlerts(ctx context.Context, limit int) ([]alert.Alert, error) {
	return documents[alert.Alert](ctx, s, "SELECT document FROM (SELECT seq, document FROM alerts ORDER BY seq DESC LIMIT $1) a ORDER BY seq", limit)
}

// AddResponse implements alerts.Store.
func (s *Store) AddResponse(ctx context.Context, r alert.Response) error {
	document, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("store response: %w", err)
	}
	_, err = s.pool.Exec(ctx, "INSERT INTO responses (id, alert, at, document) VALUES ($1, $2, $3, $4)", r.ID, r.Alert, r.Time, document)
	return asFault(err)
}

// LatestResponses implements alerts.Store.
func (s *Store) LatestResponses(ctx context.Context, limit int) ([]alert.Response, error) {
	return documents[alert.Response](ctx, s, "SELECT document FROM (SELECT number, document FROM responses ORDER BY number DESC LIMIT $1) r ORDER BY number", limit)
}

func documents[T any](ctx context.Context, s *Store, query string, args ...any) ([]T, error) {
	rows, err := s.pool.Query(ctx, query, args...)
	if err != nil {
		return nil, asFault(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[T])
	return all, asFault(err)
}

func asFault(err error) error { return pgfault.From(err, "the store of events") }
