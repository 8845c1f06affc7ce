package migration_test

import (
	"context"
	"os"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane/controlplanetest"
	"redoubt.example/services/platform/migration"
	"redoubt.example/services/platform/secrets"
)

func TestMain(m *testing.M) { os.Exit(controlplanetest.Main(m)) }

// as connects to a database with a login leased by one of its jobs or its service.
func as(t *testing.T, env *controlplanetest.Env, database, role string) *pgx.Conn {
	t.Helper()
	vault, err := secrets.Login(t.Context(), secrets.Config{Addr: env.VaultAddr, CAFile: env.CAFile,
		JWTFile: env.JWTFile(role, "vault"), Role: role})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, vault.Close(context.Background())) })
	pool, err := vault.Database(t.Context(), secrets.DatabaseConfig{Addr: env.PostgresAddr, CAFile: env.CAFile, Name: database, Role: role})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	conn, err := pool.Acquire(t.Context())
	require.NoError(t, err)
	t.Cleanup(conn.Release)
	return conn.Conn()
}

func files(named map[string]string) fstest.MapFS {
	fs := fstest.MapFS{}
	for name, sql := range named {
		fs["migrations/"+name] = &fstest.MapFile{Data: []byte(sql)}
	}
	return fs
}

const (
	first  = "CREATE TABLE coins (id int PRIMARY KEY); GRANT SELECT ON coins TO payments_app;"
	second = "ALTER TABLE coins ADD COLUMN metal text;"
)

func TestApply(t *testing.T) {
	env := controlplanetest.Start(t)
	ctx := t.Context()

	_, err := migration.Apply(ctx, as(t, env, "payments", "payments"), "payments_owner", files(map[string]string{"0001_coins.sql": first}))
	require.Error(t, err, "the service itself can't become the owner")

	conn := as(t, env, "payments", "payments-migrate")
	for name, bad := range map[string]map[string]string{
		"a name without a number": {"coins.sql": first},
		"two of one number":       {"0001_a.sql": first, "0001_b.sql": second},
	} {
		_, err := migration.Apply(ctx, conn, "payments_owner", files(bad))
		require.Error(t, err, name)
	}
	applied, err := migration.Apply(ctx, conn, "payments_owner", files(map[string]string{"0002_coins.sql": first, "0004_broken.sql": second + "SELECT 1/0;"}))
	require.ErrorContains(t, err, "0004_broken.sql")
	require.Equal(t, []string{"0002_coins.sql"}, applied, "what was whole stays")

	applied, err = migration.Apply(ctx, conn, "payments_owner", files(map[string]string{"0002_coins.sql": first, "0004_metal.sql": second}))
	require.NoError(t, err, "nothing of the broken one was kept")
	require.Equal(t, []string{"0004_metal.sql"}, applied)
	applied, err = migration.Apply(ctx, conn, "payments_owner", files(map[string]string{"0002_coins.sql": first, "0004_metal.sql": second}))
	require.NoError(t, err)
	require.Empty(t, applied)

	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"changed since":        {map[string]string{"0002_coins.sql": first + " ", "0004_metal.sql": second}, "0002_coins.sql was changed"},
		"out of order":         {map[string]string{"0002_coins.sql": first, "0003_late.sql": second, "0004_metal.sql": second}, "0003_late.sql comes before 0004"},
		"an older program's":   {map[string]string{"0002_coins.sql": first}, "has migration 0004"},
		"everything but a SQL": {nil, "has migration 0002"},
	} {
		_, err := migration.Apply(ctx, conn, "payments_owner", files(c.files))
		require.ErrorContains(t, err, c.want, name)
	}

	var owner, role string
	require.NoError(t, conn.QueryRow(ctx, "SELECT tableowner, current_user FROM pg_tables WHERE tablename = 'coins'").Scan(&owner, &role))
	require.Equal(t, "payments_owner", owner, "not a login that Vault drops")
	require.NotEqual(t, "payments_owner", role, "the connection goes back without the role")
}

func TestTwoAtOnce(t *testing.T) {
	env := controlplanetest.Start(t)
	step := files(map[string]string{"0001_once.sql": "CREATE TABLE once ()"})
	conns := []*pgx.Conn{as(t, env, "ingestion", "ingestion-migrate"), as(t, env, "ingestion", "ingestion-migrate")}
	type result struct {
		applied []string
		err     error
	}
	results := make(chan result, len(conns))
	for _, conn := range conns {
		go func() {
			applied, err := migration.Apply(t.Context(), conn, "ingestion_owner", step)
			results <- result{applied, err}
		}()
	}
	total := 0
	for range conns {
		r := <-results
		require.NoError(t, r.err)
		total += len(r.applied)
	}
	require.Equal(t, 1, total)
}
