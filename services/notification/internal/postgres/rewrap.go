package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// rewrapBatch bounds one question to Vault.
const rewrapBatch = 200

// Rewrap has every sealed secret's data key wrapped anew, and returns how many were. The secrets themselves are
// neither opened nor changed: the schema sees to that.
func (s *Store) Rewrap(ctx context.Context, rewrap func(ctx context.Context, sealed []string) ([]string, error)) (int, error) {
	count := 0
	for _, table := range []struct{ list, replace string }{
		{`SELECT id::text, sealed FROM endpoints WHERE id::text > $1 ORDER BY id::text LIMIT $2`, `SELECT rewrap_endpoint($1::uuid, $2, $3)`},
		{`SELECT name, sealed FROM sources WHERE name > $1 ORDER BY name LIMIT $2`, `SELECT rewrap_source($1, $2, $3)`},
	} {
		for after := ""; ; {
			ids, sealed, err := s.sealed(ctx, table.list, after)
			if err != nil || len(ids) == 0 {
				if err != nil {
					return count, asFault(err)
				}
				break
			}
			anew, err := rewrap(ctx, sealed)
			if err != nil {
				return count, fmt.Errorf("rewrap secrets: %w", err)
			}
			for i := range ids {
				var replaced bool // not when it was deleted meanwhile
				if err := s.pool.QueryRow(ctx, table.replace, ids[i], sealed[i], anew[i]).Scan(&replaced); err != nil {
					return count, asFault(err)
				}
				if replaced {
					count++
				}
			}
			after = ids[len(ids)-1]
		}
	}
	return count, nil
}

func (s *Store) sealed(ctx context.Context, query, after string) (ids, sealed []string, err error) {
	rows, err := s.pool.Query(ctx, query, after, rewrapBatch)
	if err != nil {
		return nil, nil, err
	}
	var id, text string
	_, err = pgx.ForEachRow(rows, []any{&id, &text}, func() error {
		ids, sealed = append(ids, id), append(sealed, text)
		return nil
	})
	return ids, sealed, err
}
