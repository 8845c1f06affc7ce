package postgres

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"redoubt.example/services/notification/internal/webhook"
	"redoubt.example/services/platform/fault"
)

const selectEndpoints = `SELECT id, owner, url, events, sealed, created_at FROM endpoints `

// AddEndpoint implements webhook.EndpointStore. An owner's additions queue up, or two at once would pass the limit.
func (s *Store) AddEndpoint(ctx context.Context, e webhook.Endpoint, max int) error {
	full := false
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, e.Owner); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `INSERT INTO endpoints (id, owner, url, events, sealed, created_at)
			SELECT $1, $2, $3, $4, $5, $6 WHERE (SELECT count(*) FROM endpoints WHERE owner = $2) < $7`,
			e.ID, e.Owner, e.URL, e.Events, e.Sealed, e.CreatedAt, max)
		full = err == nil && tag.RowsAffected() == 0
		return err
	})
	if full {
		return fault.New(fault.Conflict, "there are %d webhook endpoints already, delete one first", max)
	}
	return asFault(err)
}

// Endpoints implements webhook.EndpointStore.
func (s *Store) Endpoints(ctx context.Context, owner string) ([]webhook.Endpoint, error) {
	rows, err := s.pool.Query(ctx, selectEndpoints+`WHERE owner = $1 ORDER BY id`, owner)
	if err != nil {
		return nil, asFault(err)
	}
	endpoints, err := pgx.CollectRows(rows, pgx.RowToStructByPos[webhook.Endpoint])
	return endpoints, asFault(err)
}

// Endpoint implements webhook.EndpointStore.
func (s *Store) Endpoint(ctx context.Context, id uuid.UUID) (webhook.Endpoint, error) {
	rows, err := s.pool.Query(ctx, selectEndpoints+`WHERE id = $1`, id)
	if err != nil {
		return webhook.Endpoint{}, asFault(err)
	}
	e, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[webhook.Endpoint])
	if errors.Is(err, pgx.ErrNoRows) {
		return webhook.Endpoint{}, fault.New(fault.NotFound, "no such webhook endpoint")
	}
	return e, asFault(err)
}

// DeleteEndpoint implements webhook.EndpointStore.
func (s *Store) DeleteEndpoint(ctx context.Context, owner string, id uuid.UUID) error {
	tag, err := s.pool.Exec(ctx, `DELETE FROM endpoints WHERE id = $1 AND owner = $2`, id, owner)
	if err == nil && tag.RowsAffected() == 0 {
		return fault.New(fault.NotFound, "no such webhook endpoint")
	}
	return asFault(err)
}

// AddSource implements webhook.SourceStore.
func (s *Store) AddSource(ctx context.Context, src webhook.Source) error {
	tag, err := s.pool.Exec(ctx, `INSERT INTO sources (name, owner, sealed, created_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT DO NOTHING`, src.Name, src.Owner, src.Sealed, src.CreatedAt)
	if err == nil && tag.RowsAffected() == 0 {
		return fault.New(fault.Conflict, "a webhook source of this name exists")
	}
	return asFault(err)
}

// Sources implements webhook.SourceStore.
func (s *Store) Sources(ctx context.Context) ([]webhook.Source, error) {
	rows, err := s.pool.Query(ctx, `SELECT name, owner, sealed, created_at FROM sources`)
	if err != nil {
		return nil, asFault(err)
	}
	sources, err := pgx.CollectRows(rows, pgx.RowToStructByPos[webhook.Source])
	return sources, asFault(err)
}
