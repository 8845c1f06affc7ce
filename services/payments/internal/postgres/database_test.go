package postgres_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"redoubt.example/services/payments/internal/postgres"
)

// database returns the application's pool and the owner's on a fresh schema.
func database(t *testing.T) (app, owner *pgxpool.Pool) {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "pg")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o777))
	bin := "/usr/lib/postgresql/15/bin/"
	run := func(args ...string) {
		out, err := exec.Command("runuser", append([]string{"-u", "postgres", "--"}, args...)...).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	data := filepath.Join(dir, "data")
	run(bin+"initdb", "-D", data, "-A", "trust", "-N")
	run(bin+"pg_ctl", "-D", data, "-w", "-l", data+"/log", "-o", "-c listen_addresses= -c unix_socket_directories="+dir+" -c max_connections=100", "start")
	t.Cleanup(func() { run(bin+"pg_ctl", "-D", data, "-m", "immediate", "stop") })
	open := func(user, db string) *pgxpool.Pool {
		pool, err := pgxpool.New(context.Background(), fmt.Sprintf("host=%s user=%s dbname=%s pool_max_conns=60", dir, user, db))
		require.NoError(t, err)
		t.Cleanup(pool.Close)
		return pool
	}
	root := open("postgres", "postgres")
	for _, q := range []string{"CREATE ROLE payments_owner LOGIN", "CREATE ROLE payments_app LOGIN", "CREATE DATABASE payments OWNER payments_owner"} {
		_, err := root.Exec(context.Background(), q)
		require.NoError(t, err)
	}
	owner, app = open("payments_owner", "payments"), open("payments_app", "payments")
	files, err := fs.Glob(postgres.Migrations, "migrations/*.sql")
	require.NoError(t, err)
	for _, f := range files {
		sql, err := postgres.Migrations.ReadFile(f)
		require.NoError(t, err)
		_, err = owner.Exec(context.Background(), string(sql))
		require.NoError(t, err, f)
	}
	return app, owner
}
