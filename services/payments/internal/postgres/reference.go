package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"redoubt.example/services/payments/internal/ledger"
)

var _ ledger.ReferenceStore = (*Store)(nil)

// SetReference implements ledger.ReferenceStore.
func (s *Store) SetReference(ctx context.Context, principal, sealed, hint string) error {
	_, err := s.pool.Exec(ctx, `INSERT INTO payment_references (principal, sealed, hint) VALUES ($1, $2, $3)
		ON CONFLICT (principal) DO UPDATE SET sealed = EXCLUDED.sealed, hint = EXCLUDED.hint, changed_at = now()`, principal, sealed, hint)
	return asFault(err)
}

// ReferenceHint implements ledger.ReferenceStore.
func (s *Store) ReferenceHint(ctx context.Context, principal string) (hint string, err error) {
	err = s.pool.QueryRow(ctx, `SELECT coalesce((SELECT hint FROM payment_references WHERE principal = $1), '')`, principal).Scan(&hint)
	return hint, asFault(err)
}

// rewrapBatch bounds one question to Vault.
const rewrapBatch = 200

// Rewrap has the data key of every sealed reference wrapped anew, and returns how many were. One that was replaced
// meanwhile has a new wrapping already.
func (s *Store) Rewrap(ctx context.Context, rewrap func(ctx context.Context, sealed []string) ([]string, error)) (count int, err error) {
	for after := ""; ; {
		rows, err := s.pool.Query(ctx, `SELECT principal, sealed FROM payment_references WHERE principal > $1 ORDER BY principal LIMIT $2`, after, rewrapBatch)
		if err != nil {
			return count, asFault(err)
		}
		var principals, sealed []string
		var principal, text string
		if _, err := pgx.ForEachRow(rows, []any{&principal, &text}, func() error {
			principals, sealed = append(principals, principal), append(sealed, text)
			return nil
		}); err != nil {
			return count, asFault(err)
		}
		if len(principals) == 0 {
			return count, nil
		}
		anew, err := rewrap(ctx, sealed)
		if err != nil {
			return count, fmt.Errorf("rewrap payment references: %w", err)
		}
		for i := range principals {
			tag, err := s.pool.Exec(ctx, `UPDATE payment_references SET sealed = $3 WHERE principal = $1 AND sealed = $2`, principals[i], sealed[i], anew[i])
			if err != nil {
				return count, asFault(err)
			}
			count += int(tag.RowsAffected())
		}
		after = principals[len(principals)-1]
	}
}
