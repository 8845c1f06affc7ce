// Package databasetest gives a service's tests its real database: the schema as shipped, and logins that Vault
// leased, so that a missing or a superfluous grant shows. For tests only.
package databasetest

import (
	"context"
	"io/fs"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane/controlplanetest"
	"redoubt.example/services/platform/migration"
	"redoubt.example/services/platform/secrets"
)

// Main is a package's TestMain, since its tests share one control plane and one database:
//
//	func TestMain(m *testing.M) { os.Exit(databasetest.Main(m)) }
func Main(m *testing.M) int { return controlplanetest.Main(m) }

var migrated sync.Map // service -> *sync.Once

// Open returns a pool with a login of the service's own, as each of its replicas has, and one with its migration's.
func Open(t testing.TB, service string, migrations fs.FS) (app, owner *pgxpool.Pool) {
	t.Helper()
	env := controlplanetest.Start(t)
	owner = lease(t, env, service, service+"-migrate")
	once, _ := migrated.LoadOrStore(service, new(sync.Once))
	once.(*sync.Once).Do(func() {
		conn, err := owner.Acquire(t.Context())
		require.NoError(t, err)
		defer conn.Release()
		_, err = migration.Apply(t.Context(), conn.Conn(), service+"_owner", migrations)
		require.NoError(t, err)
	})
	return lease(t, env, service, service), owner
}

func lease(t testing.TB, env *controlplanetest.Env, service, role string) *pgxpool.Pool {
	t.Helper()
	vault, err := secrets.Login(t.Context(), secrets.Config{Addr: env.VaultAddr, CAFile: env.CAFile,
		JWTFile: env.JWTFile(role, "vault"), Role: role})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, vault.Close(context.Background())) })
	pool, err := vault.Database(t.Context(), secrets.DatabaseConfig{Addr: env.PostgresAddr, CAFile: env.CAFile, Name: service, Role: role})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}
