// Package migration applies a service's numbered .sql files to its database, each once and in one transaction.
package migration

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
)

// lockKey is the advisory lock that two migrations of one database compete for: "redoubt" in ASCII.
const lockKey = 0x7265646f756274

const table = `CREATE TABLE IF NOT EXISTS schema_migrations (
	version    integer PRIMARY KEY,
	name       text NOT NULL,
	checksum   text NOT NULL, -- SHA-256 of the file
	applied_at timestamptz NOT NULL DEFAULT now()
)`

// Apply brings the database up to date and returns the names of the files that it applied. It acts as the
// role owner, so that objects belong to no login that ends with its lease, and leaves the connection without a
// role. Files are found anywhere in files and named 0001_what_it_does.sql. It refuses a file that was changed
// after it was applied, one that comes before what was applied, and a database that is ahead of the files.
func Apply(ctx context.Context, conn *pgx.Conn, owner string, files fs.FS) (applied []string, err error) {
	steps, err := load(files)
	if err != nil {
		return nil, err
	}
	undo, err := prepare(ctx, conn, owner)
	if err != nil {
		return nil, err
	}
	defer undo()
	done, err := history(ctx, conn)
	if err != nil {
		return nil, err
	}
	pending, err := plan(steps, done)
	if err != nil {
		return nil, err
	}
	for _, s := range pending {
		if err := s.apply(ctx, conn); err != nil {
			return applied, fmt.Errorf("migrate: %s: %w", s.name, err)
		}
		applied = append(applied, s.name)
	}
	return applied, nil
}

// prepare takes the role and the lock, and makes sure that the history can be written.
func prepare(ctx context.Context, conn *pgx.Conn, owner string) (undo func(), err error) {
	undo = func() {
		ctx := context.WithoutCancel(ctx) // a connection that goes back to a pool keeps neither
		_, _ = conn.Exec(ctx, "SELECT pg_advisory_unlock_all()")
		_, _ = conn.Exec(ctx, "RESET ROLE")
	}
	for _, sql := range []string{
		"SET ROLE " + pgx.Identifier{owner}.Sanitize(),
		fmt.Sprintf("SELECT pg_advisory_lock(%d)", int64(lockKey)),
		table,
	} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			undo()
			return nil, fmt.Errorf("migrate: prepare: %w", err)
		}
	}
	return undo, nil
}

func history(ctx context.Context, conn *pgx.Conn) (map[int]string, error) {
	rows, err := conn.Query(ctx, "SELECT version, checksum FROM schema_migrations")
	if err != nil {
		return nil, fmt.Errorf("migrate: read history: %w", err)
	}
	done := map[int]string{}
	var version int
	var checksum string
	_, err = pgx.ForEachRow(rows, []any{&version, &checksum}, func() error { done[version] = checksum; return nil })
	if err != nil {
		return nil, fmt.Errorf("migrate: read history: %w", err)
	}
	return done, nil
}

func (s step) apply(ctx context.Context, conn *pgx.Conn) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, s.sql); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)", s.version, s.name, s.checksum)
		return err
	})
}
