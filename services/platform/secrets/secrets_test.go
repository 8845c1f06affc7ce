package secrets_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane/controlplanetest"
	"redoubt.example/services/platform/attest"
	"redoubt.example/services/platform/secrets"
)

func TestMain(m *testing.M) { os.Exit(controlplanetest.Main(m)) }

// journal is a log that a test looks into.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) count(text string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return bytes.Count(j.text.Bytes(), []byte(text))
}

func configFor(env *controlplanetest.Env, workload string) (secrets.Config, *journal) {
	j := &journal{}
	return secrets.Config{
		Addr: env.VaultAddr, CAFile: env.CAFile, JWTFile: env.JWTFile(workload, "vault"), Role: workload,
		Log: slog.New(slog.NewTextHandler(j, nil)),
	}, j
}

func login(t *testing.T, env *controlplanetest.Env, workload string) (*secrets.Vault, *journal) {
	t.Helper()
	cfg, j := configFor(env, workload)
	v, err := secrets.Login(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = v.Close(context.Background()) })
	return v, j
}

func database(env *controlplanetest.Env, name, role string) secrets.DatabaseConfig {
	return secrets.DatabaseConfig{Addr: env.PostgresAddr, CAFile: env.CAFile, Name: name, Role: role}
}

// superuser looks at PostgreSQL from the inside.
func superuser(t *testing.T, env *controlplanetest.Env, database string) *pgx.Conn {
	t.Helper()
	cfg, err := pgx.ParseConfig("host=/nowhere user=postgres sslmode=disable")
	require.NoError(t, err)
	port, err := controlplanetest.Port(env.PostgresAddr)
	require.NoError(t, err)
	cfg.Host, cfg.Port, cfg.Database = filepath.Join(env.Dir, "postgres"), port, database
	conn, err := pgx.ConnectConfig(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// logins counts the roles that Vault has made for one of its own roles and not dropped.
func logins(t *testing.T, conn *pgx.Conn, role string) (n int) {
	t.Helper()
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_roles WHERE rolname LIKE $1 || '-1%'", role).Scan(&n))
	return n
}

func TestLogin(t *testing.T) {
	env := controlplanetest.Start(t)
	stranger, err := attest.NewIssuer()
	require.NoError(t, err)
	byStranger, err := stranger.Token("payments", "vault")
	require.NoError(t, err)
	spoilt := func(spoil func(*jwt.Claims)) string {
		claims := controlplanetest.Claims("payments", "vault")
		spoil(&claims)
		token, err := env.Sign(claims)
		require.NoError(t, err)
		return token
	}
	for name, document := range map[string]string{
		"expired": spoilt(func(c *jwt.Claims) {
			c.Expiry = jwt.NewNumericDate(time.Now().Add(-time.Second))
			c.IssuedAt, c.NotBefore = jwt.NewNumericDate(time.Now().Add(-time.Minute)), jwt.NewNumericDate(time.Now().Add(-time.Minute))
		}),
		"for Consul":            env.JWT(t, "payments", "consul"),
		"another service's":     env.JWT(t, "ingestion", "vault"),
		"its job's":             env.JWT(t, "payments-migrate", "vault"),
		"signed by another key": byStranger,
		"from another issuer":   spoilt(func(c *jwt.Claims) { c.Issuer = "someone" }),
		"without an end":        spoilt(func(c *jwt.Claims) { c.Expiry = nil }),
		"not a document at all": "payments",
		"an empty one":          "",
	} {
		t.Run(name, func(t *testing.T) {
			cfg, j := configFor(env, "payments")
			cfg.JWTFile = filepath.Join(t.TempDir(), "vault.jwt")
			require.NoError(t, os.WriteFile(cfg.JWTFile, []byte(document), 0o600))
			_, err := secrets.Login(t.Context(), cfg)
			require.Error(t, err)
			if len(document) > 20 {
				require.NotContains(t, err.Error(), document)
				require.Zero(t, j.count(document))
			}
		})
	}
	v, _ := login(t, env, "payments")
	require.NoError(t, v.Ready())
}

func TestDatabaseLeastPrivilege(t *testing.T) {
	env := controlplanetest.Start(t)
	ctx := t.Context()
	payments, _ := login(t, env, "payments")

	_, err := payments.Database(ctx, database(env, "ingestion", "ingestion"))
	require.Error(t, err, "another service's credentials")
	_, err = payments.Database(ctx, database(env, "payments", "payments-migrate"))
	require.Error(t, err, "its own job's credentials")
	_, err = payments.Database(ctx, database(env, "ingestion", "payments"))
	require.Error(t, err, "its own credentials, at another service's database")
	require.Contains(t, err.Error(), "permission denied for database")
	for _, other := range []string{"postgres", "template1"} {
		_, err = payments.Database(ctx, database(env, other, "payments"))
		require.Error(t, err, other)
	}

	job, _ := login(t, env, "payments-migrate")
	owner, err := job.Database(ctx, database(env, "payments", "payments-migrate"))
	require.NoError(t, err)
	defer owner.Close()
	for _, statement := range []string{
		"SET ROLE payments_owner", "CREATE TABLE probe (id int)", "CREATE TABLE readonly (id int)",
		"GRANT SELECT, INSERT ON probe TO payments_app", "GRANT SELECT ON readonly TO payments_app",
	} {
		conn, err := owner.Acquire(ctx)
		require.NoError(t, err)
		_, err = conn.Exec(ctx, "SET ROLE payments_owner")
		require.NoError(t, err)
		_, err = conn.Exec(ctx, statement)
		require.NoError(t, err, statement)
		conn.Release()
	}

	app, err := payments.Database(ctx, database(env, "payments", "payments"))
	require.NoError(t, err)
	defer app.Close()
	for _, statement := range []string{
		"DROP TABLE probe", "TRUNCATE probe", "ALTER TABLE probe ADD COLUMN x int", "DELETE FROM probe",
		"CREATE TABLE mine (id int)", "CREATE TEMP TABLE mine (id int)", "CREATE SCHEMA mine", "INSERT INTO readonly VALUES (1)",
		"SET ROLE payments_owner", "SET ROLE vault_payments", "SET ROLE ingestion_app", "CREATE ROLE mine",
		"GRANT payments_owner TO CURRENT_USER", "COPY probe TO PROGRAM 'true'", "SELECT pg_read_file('/etc/hostname')",
	} {
		_, err := app.Exec(ctx, statement)
		require.Error(t, err, statement)
		require.Regexp(t, "permission denied|must be|42501", err.Error(), statement)
	}
	_, err = app.Exec(ctx, "INSERT INTO probe VALUES (1)")
	require.NoError(t, err)
	var n int
	require.NoError(t, app.QueryRow(ctx, "SELECT count(*) FROM probe").Scan(&n))
	require.Equal(t, 1, n)
}

func TestCloseGivesBack(t *testing.T) {
	env := controlplanetest.Start(t)
	admin := superuser(t, env, "postgres")
	for _, role := range []string{"notification", "notification-migrate"} {
		cfg, _ := configFor(env, role)
		v, err := secrets.Login(t.Context(), cfg)
		require.NoError(t, err)
		pool, err := v.Database(t.Context(), database(env, "notification", role))
		require.NoError(t, err)
		require.Equal(t, 1, logins(t, admin, role))

		// A session that is still open ends with the login.
		conn, err := pool.Acquire(t.Context())
		require.NoError(t, err)
		require.NoError(t, v.Close(t.Context()))
		require.Zero(t, logins(t, admin, role), "the role is gone")
		_, err = conn.Exec(t.Context(), "SELECT 1")
		require.Error(t, err)
		conn.Release()
		pool.Close()
		require.NoError(t, v.Close(t.Context()), "closing again does no harm")
	}
}
