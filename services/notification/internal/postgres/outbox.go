package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"redoubt.example/services/notification/internal/webhook"
)

// retryRelease is when a released delivery is looked at again.
const retryRelease = 5 * time.Second

// lockEndpoints takes hold of endpoints that have something due and room for it, those first that waited longest, so
// that a slow endpoint's backlog doesn't starve the others. An endpoint that another process is claiming for is passed.
const lockEndpoints = `UPDATE endpoints SET last_claimed_at = now() WHERE id IN (
	SELECT e.id FROM endpoints e
	WHERE EXISTS (SELECT FROM deliveries d WHERE d.endpoint_id = e.id AND d.state = 'pending' AND d.next_attempt_at <= now())
	  AND (SELECT count(*) FROM deliveries d WHERE d.endpoint_id = e.id AND d.state = 'pending' AND d.claimed_until > now()) < $2
	ORDER BY e.last_claimed_at NULLS FIRST LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED)
RETURNING id`

// claim runs after lockEndpoints, as a statement of its own: it sees what the lock's former holder has committed.
const claim = `WITH due AS (
	SELECT d.id FROM unnest($1::uuid[]) AS locked (id)
	CROSS JOIN LATERAL (
		SELECT d.id FROM deliveries d
		WHERE d.endpoint_id = locked.id AND d.state = 'pending' AND d.next_attempt_at <= now()
		ORDER BY d.next_attempt_at
		LIMIT greatest(0, $3 - (SELECT count(*) FROM deliveries f
			WHERE f.endpoint_id = locked.id AND f.state = 'pending' AND f.claimed_until > now()))
		FOR UPDATE SKIP LOCKED) d
	LIMIT $2)
UPDATE deliveries d SET attempts = attempts + 1, claimed_until = now() + $4::interval, next_attempt_at = now() + $4::interval
FROM due, endpoints e, messages m
WHERE d.id = due.id AND e.id = d.endpoint_id AND m.id = d.message_id
RETURNING d.id, d.endpoint_id, e.url, e.sealed, d.attempts, d.rejections,
	m.id, m.recipient, m.kind, m.subject, m.data, m.request_id, m.created_at`

// Claim implements webhook.Queue. A claim is a lease written into the row, and no transaction stays open while a
// receiver takes its time.
func (s *Store) Claim(ctx context.Context, limit, perEndpoint int, lease time.Duration) (claimed []webhook.Delivery, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, lockEndpoints, limit, perEndpoint)
		if err != nil {
			return err
		}
		endpoints, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		if err != nil || len(endpoints) == 0 {
			return err
		}
		if rows, err = tx.Query(ctx, claim, endpoints, limit, perEndpoint, lease); err != nil {
			return err
		}
		claimed, err = pgx.CollectRows(rows, scanDelivery)
		return err
	})
	if err != nil {
		return nil, asFault(err)
	}
	return claimed, nil
}

func scanDelivery(row pgx.CollectableRow) (d webhook.Delivery, err error) {
	m := &d.Message
	err = row.Scan(&d.ID, &d.EndpointID, &d.URL, &d.Sealed, &d.Attempt, &d.Rejections,
		&m.ID, &m.Recipient, &m.Kind, &m.Subject, &m.Data, &m.RequestID, &m.CreatedAt)
	return d, err
}

// Settle implements webhook.Queue. The number of attempts tells whether the claim is still ours.
func (s *Store) Settle(ctx context.Context, d webhook.Delivery, r webhook.Result) error {
	var status *int
	if r.Status != 0 {
		status = &r.Status
	}
	_, err := s.pool.Exec(ctx, `WITH settled AS (
			UPDATE deliveries SET state = $3, rejections = rejections + $4::boolean::integer, claimed_until = NULL,
				next_attempt_at = now() + $5::interval, settled_at = CASE WHEN $3 <> 'pending' THEN now() END
			WHERE id = $1 AND attempts = $2 AND state = 'pending' RETURNING id)
		INSERT INTO delivery_attempts (delivery_id, attempt, status, reason, took_ms) SELECT id, $2, $6, $7, $8 FROM settled`,
		d.ID, d.Attempt, string(r.Outcome), r.Rejected, r.Retry, status, r.Reason, r.Took.Milliseconds())
	return asFault(err)
}

// Release implements webhook.Queue.
func (s *Store) Release(ctx context.Context, d webhook.Delivery) error {
	_, err := s.pool.Exec(ctx, `UPDATE deliveries SET attempts = attempts - 1, claimed_until = NULL, next_attempt_at = now() + $3::interval
		WHERE id = $1 AND attempts = $2 AND state = 'pending'`, d.ID, d.Attempt, retryRelease)
	return asFault(err)
}
