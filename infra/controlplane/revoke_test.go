package controlplane_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane/controlplanetest"
)

// thief is somebody who has a login that was leased to a service.
type thief struct {
	cfg   *pgx.ConnConfig
	lease string
}

func steal(t *testing.T, env *controlplanetest.Env, service string) thief {
	t.Helper()
	login, err := mustLogin(t, env, service, service).Logical().Read("database/creds/" + service)
	require.NoError(t, err)
	port, err := controlplanetest.Port(env.PostgresAddr)
	require.NoError(t, err)
	cfg, err := pgx.ParseConfig(fmt.Sprintf("host=127.0.0.1 port=%d dbname=%s sslmode=verify-full sslrootcert=%s", port, service, env.CAFile))
	require.NoError(t, err)
	cfg.User, cfg.Password = login.Data["username"].(string), login.Data["password"].(string)
	return thief{cfg, login.LeaseID}
}

func (th thief) logsIn(t *testing.T) bool {
	t.Helper()
	conn, err := pgx.ConnectConfig(t.Context(), th.cfg)
	if err == nil {
		require.NoError(t, conn.Close(t.Context()))
	}
	return err == nil
}

// sessions are those of the login, and those of no login at all: a session can outlive its role.
func (th thief) sessions(t *testing.T, superuser *pgx.Conn) (n int) {
	t.Helper()
	require.NoError(t, superuser.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity
		WHERE usename = $1 OR (usesysid IS NOT NULL AND usename IS NULL)`, th.cfg.User).Scan(&n))
	return n
}

// Whoever goes on logging in while a login is revoked has no session when that is done.
func TestRevokedLoginLeavesNoSession(t *testing.T) {
	env := controlplanetest.Start(t)
	admin := superuser(t, env)
	for range 5 {
		th := steal(t, env, "payments")
		ctx, stop := context.WithCancel(t.Context())
		var dialling sync.WaitGroup
		opened := make(chan struct{}, 1)
		for range 6 {
			dialling.Go(func() {
				for ctx.Err() == nil {
					conn, err := pgx.ConnectConfig(ctx, th.cfg)
					if err != nil {
						continue
					}
					select {
					case opened <- struct{}{}:
					default:
					}
					_, _ = conn.Exec(ctx, "SELECT pg_sleep(60)") // until it is ended
					conn.Close(context.Background())
				}
			})
		}
		<-opened
		require.NoError(t, env.RevokeLease(t.Context(), th.lease))
		left := th.sessions(t, admin)
		stop()
		dialling.Wait()
		require.Zero(t, left)
	}
}

// A login that PostgreSQL has let in and whose session it is still starting is in no list of sessions yet.
func TestRevokedLoginStartsNoSession(t *testing.T) {
	env := controlplanetest.StartOwn(t, 0)
	admin, holder := superuser(t, env), superuser(t, env)
	th := steal(t, env, "notification")
	// Renaming a database that is in use fails after five seconds, in which nobody else can begin to use it.
	inUse, err := pgx.ConnectConfig(t.Context(), th.cfg)
	require.NoError(t, err)
	defer inUse.Close(context.Background())
	ctx, release := context.WithTimeout(t.Context(), 5*time.Second)
	defer release()
	renamed := make(chan error, 1)
	go func() { _, err := holder.Exec(ctx, "ALTER DATABASE notification RENAME TO other"); renamed <- err }()
	count := func(query string, args ...any) (n int) {
		require.NoError(t, admin.QueryRow(t.Context(), query, args...).Scan(&n))
		return n
	}
	const locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'object' AND classid = 'pg_database'::regclass AND mode = $1 AND granted = $2"
	require.Eventually(t, func() bool { return count(locks, "AccessExclusiveLock", true) == 1 }, 4*time.Second, time.Millisecond, "it holds the database")
	started := make(chan error, 1)
	go func() {
		conn, err := pgx.ConnectConfig(t.Context(), th.cfg)
		if err == nil {
			_, err = conn.Exec(t.Context(), "SELECT pg_sleep(60)")
		}
		started <- err
	}()
	require.Eventually(t, func() bool { return count(locks, "RowExclusiveLock", false) == 1 }, 4*time.Second, time.Millisecond, "let in, and waiting to start")
	require.Equal(t, 1, th.sessions(t, admin), "the one that was there before")

	revoked := make(chan error, 1)
	go func() { revoked <- env.RevokeLease(t.Context(), th.lease) }()
	const ready = "SELECT count(*) FROM pg_roles WHERE rolname = $1 AND NOT rolcanlogin"
	require.Eventually(t, func() bool { return count(ready, th.cfg.User) == 1 }, 4*time.Second, time.Millisecond)
	release()
	require.Error(t, <-renamed)
	require.NoError(t, <-revoked)
	require.Zero(t, th.sessions(t, admin))
	require.Error(t, <-started)
}

// Vault repeats what failed half-way; a role that somebody has dropped by hand is no failure.
func TestRevokingTwice(t *testing.T) {
	env := controlplanetest.Start(t)
	th := steal(t, env, "ingestion")
	_, err := superuser(t, env).Exec(t.Context(), "DROP ROLE "+pgx.Identifier{th.cfg.User}.Sanitize())
	require.NoError(t, err)
	require.NoError(t, env.RevokeLease(t.Context(), th.lease))
}

// Whoever has a login can make it own something, which would keep PostgreSQL from dropping it.
func TestRevokedLoginOwnsNothing(t *testing.T) {
	env := controlplanetest.Start(t)
	th := steal(t, env, "payments")
	conn, err := pgx.ConnectConfig(t.Context(), th.cfg)
	require.NoError(t, err)
	defer conn.Close(context.Background())
	for _, statement := range []string{
		"SELECT lo_create(0)", "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC", "ALTER ROLE CURRENT_USER SET search_path = nowhere",
		"ALTER ROLE CURRENT_USER PASSWORD 'mine'",
	} {
		_, err = conn.Exec(t.Context(), statement)
		require.NoError(t, err, statement)
	}
	require.NoError(t, env.RevokeLease(t.Context(), th.lease))
	var left bool
	require.NoError(t, superuser(t, env).QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", th.cfg.User).Scan(&left))
	require.False(t, left)
	require.Zero(t, th.sessions(t, superuser(t, env)))
}
