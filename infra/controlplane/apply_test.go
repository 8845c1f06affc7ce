package controlplane_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	consul "github.com/hashicorp/consul/api"
	vault "github.com/hashicorp/vault/api"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane"
	"redoubt.example/infra/controlplane/controlplanetest"
)

func TestApplyingAgainChangesNothing(t *testing.T) {
	env := controlplanetest.Start(t)
	_, err := env.AccessToken(t.Context(), "bob", nil) // so that there is a token role
	require.NoError(t, err)
	before := snapshot(t, env)
	require.NoError(t, env.ApplyAgain(t.Context()))
	require.Equal(t, before, snapshot(t, env))
}

// snapshot is the whole configuration, as the three servers tell it.
func snapshot(t *testing.T, env *controlplanetest.Env) map[string]string {
	t.Helper()
	all := map[string]string{}
	note := func(name string, value any) {
		text, err := json.Marshal(value)
		require.NoError(t, err)
		all[name] = string(text)
	}
	operator, err := env.Operator(t.Context())
	require.NoError(t, err)
	for _, path := range []string{
		"sys/mounts", "sys/auth", "sys/audit", "auth/jwt/config", "identity/oidc/config", "identity/oidc/key/redoubt",
		"transit/keys/modelstore", "transit/keys/notification", "database/config/payments", "pki-edge/roles/gateway",
		"pki-edge/cert/ca", "connect-root/cert/ca",
	} {
		note(path, vaultRead(t, operator, path))
	}
	for _, list := range []string{"sys/policies/acl", "auth/jwt/role", "database/roles", "identity/entity/name", "identity/oidc/role"} {
		keys, err := operator.Logical().List(list)
		require.NoError(t, err, list)
		require.NotNil(t, keys, list)
		for _, key := range keys.Data["keys"].([]any) {
			if path := fmt.Sprintf("%s/%s", list, key); !strings.HasPrefix(path, "sys/policies/acl/default") {
				note(path, vaultRead(t, operator, path))
			}
		}
	}
	require.NoError(t, env.AsConsulOperator(t.Context(), func(client *consul.Client) error {
		rules, _, err := client.ACL().BindingRuleList("", nil)
		require.NoError(t, err)
		note("binding rules", rules)
		methods, _, err := client.ACL().AuthMethodList(nil)
		require.NoError(t, err)
		note("auth methods", methods)
		policies, _, err := client.ACL().PolicyList(nil)
		require.NoError(t, err)
		note("policies", policies)
		intentions, _, err := client.ConfigEntries().List(consul.ServiceIntentions, nil)
		require.NoError(t, err)
		note("intentions", intentions)
		return nil
	}))
	conn := superuser(t, env)
	for name, query := range map[string]string{
		"roles":     "SELECT rolname, rolcanlogin, rolcreaterole, rolsuper, rolconnlimit FROM pg_roles ORDER BY 1",
		"passwords": "SELECT rolname, md5(rolpassword) FROM pg_authid WHERE rolname LIKE 'vault%' ORDER BY 1",
		"members":   "SELECT roleid::regrole::text, member::regrole::text, admin_option FROM pg_auth_members ORDER BY 1, 2",
		"databases": "SELECT datname, datacl::text, oid FROM pg_database ORDER BY 1",
	} {
		rows, err := conn.Query(t.Context(), query)
		require.NoError(t, err)
		values, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
			v, err := row.Values()
			return fmt.Sprint(v...), err
		})
		require.NoError(t, err)
		note(name, values)
	}
	return all
}

func vaultRead(t *testing.T, as *vault.Client, path string) map[string]any {
	t.Helper()
	secret, err := as.Logical().Read(path)
	require.NoError(t, err, path)
	require.NotNil(t, secret, path)
	return secret.Data
}

func superuser(t *testing.T, env *controlplanetest.Env) *pgx.Conn {
	t.Helper()
	cfg, err := pgx.ParseConfig("host=/nowhere user=postgres dbname=postgres sslmode=disable")
	require.NoError(t, err)
	port, err := controlplanetest.Port(env.PostgresAddr)
	require.NoError(t, err)
	cfg.Host, cfg.Port = filepath.Join(env.Dir, "postgres"), port
	conn, err := pgx.ConnectConfig(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func TestPostgresTakesNoOtherWayIn(t *testing.T) {
	env := controlplanetest.Start(t)
	for _, dsn := range []string{
		"user=postgres dbname=postgres sslmode=disable", "user=postgres dbname=postgres sslmode=require",
		"user=postgres dbname=payments sslmode=require", "user=vault_payments dbname=payments sslmode=require password=guess",
		"user=payments_app dbname=payments sslmode=require", "user=vault_payments dbname=payments sslmode=disable",
	} {
		port, err := controlplanetest.Port(env.PostgresAddr)
		require.NoError(t, err)
		_, err = pgx.Connect(t.Context(), fmt.Sprintf("host=127.0.0.1 port=%d %s", port, dsn))
		require.Error(t, err, dsn)
	}
}

func TestNobodyElseReadsTheServersFiles(t *testing.T) {
	env := controlplanetest.Start(t)
	for _, component := range []string{controlplane.Vault, controlplane.Consul, controlplane.Postgres} {
		dir := filepath.Join(env.Dir, component)
		info, err := os.Stat(dir)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o700), info.Mode().Perm(), "nobody gets into %s", dir)
		for _, name := range []string{"tls.key", "server.hcl", "audit.log", "pg_hba.conf"} {
			if info, err := os.Stat(filepath.Join(dir, name)); err == nil {
				require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "%s/%s", component, name)
			}
		}
	}
	require.NoError(t, filepath.WalkDir(env.Dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil {
			require.NotRegexp(t, `ca.*\.key$`, path, "the lab CA's key is nowhere")
		}
		return nil
	}))
}

func TestServersComeBackAsTheyWere(t *testing.T) {
	env := controlplanetest.StartOwn(t, 0)
	before, err := env.AccessToken(t.Context(), "bob", nil)
	require.NoError(t, err)
	for _, component := range []string{controlplane.Consul, controlplane.Vault, controlplane.Postgres} {
		env.Stop(t, component)
		env.Restart(t, component)
	}
	verify(t, env, before) // Vault's keys are the ones it had
	_, err = mustLogin(t, env, "payments", "payments").Logical().Read("database/creds/payments")
	require.NoError(t, err)
	token, err := consulLogin(t, env, env.JWT(t, "payments", "consul"))
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, _, err = consulWith(t, env, token.SecretID).Agent().ConnectCALeaf("payments", nil)
		return err == nil
	}, 20e9, 50e6, "Consul has its CA again")
}
