package secrets_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"

	vault "github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane/controlplanetest"
)

// A process that was killed gives nothing back: its login ends by itself, sessions included, and the role with it.
func TestWhatAKilledProcessHeldExpires(t *testing.T) {
	env := controlplanetest.StartOwn(t, 3*time.Second)
	cfg := vault.DefaultConfig()
	cfg.Address = env.VaultAddr
	require.NoError(t, cfg.ConfigureTLS(&vault.TLSConfig{CACert: env.CAFile}))
	killed, err := vault.NewClient(cfg) // renews nothing, as the dead do
	require.NoError(t, err)
	session, err := killed.Logical().Write("auth/jwt/login", map[string]any{"role": "payments", "jwt": env.JWT(t, "payments", "vault")})
	require.NoError(t, err)
	killed.SetToken(session.Auth.ClientToken)
	_, err = killed.Logical().Read("database/creds/payments")
	require.NoError(t, err)
	admin := superuser(t, env, "postgres")
	require.Equal(t, 1, logins(t, admin, "payments"))
	require.Eventually(t, func() bool { return logins(t, admin, "payments") == 0 }, 10*time.Second, 50*time.Millisecond)
}

// Each service's login opens its own database and no other.
func TestNobodySeesAnothersDatabase(t *testing.T) {
	env := controlplanetest.Start(t)
	services := []string{"ingestion", "payments", "notification"}
	for _, mine := range services {
		v, _ := login(t, env, mine)
		for _, other := range services {
			if other == mine {
				continue
			}
			_, err := v.Database(t.Context(), database(env, other, other))
			require.Error(t, err, "%s with a login of %s", mine, other)
			_, err = v.Database(t.Context(), database(env, other, mine))
			require.ErrorContains(t, err, "permission denied for database", "%s at %s", mine, other)
		}
		pool, err := v.Database(t.Context(), database(env, mine, mine))
		require.NoError(t, err)
		for _, statement := range []string{"CREATE TABLE mine (id int)", "SET ROLE " + mine + "_owner", "DROP SCHEMA public", "ALTER ROLE CURRENT_USER CREATEROLE"} {
			_, err = pool.Exec(t.Context(), statement)
			require.Error(t, err, "%s: %s", mine, statement)
		}
		pool.Close()
	}
}

func TestSessionPrintsNothing(t *testing.T) {
	env := controlplanetest.Start(t)
	v, _ := login(t, env, "notification")
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "vault", v)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "vault", v)
	encoded, err := json.Marshal(v)
	require.NoError(t, err)
	for _, printed := range []string{fmt.Sprint(v), fmt.Sprintf("%+v %#v %s %d", v, v, v, v), log.String(), string(encoded),
		fmt.Sprintf("%+v", v.Transit("notification")), fmt.Sprintf("%#v", v.Envelope("notification"))} {
		require.NotContains(t, printed, "hvs.")
	}
}
