package controlplane_test

import (
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"
	consul "github.com/hashicorp/consul/api"
	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane"
	"redoubt.example/infra/controlplane/controlplanetest"
)

func TestSwitchOff(t *testing.T) {
	env := controlplanetest.StartOwn(t, 0)
	login := func(subject, audience string, age time.Duration) error {
		claims := controlplanetest.Claims(subject, audience)
		for _, at := range []*jwt.NumericDate{claims.IssuedAt, claims.NotBefore, claims.Expiry} {
			if at != nil {
				*at -= jwt.NumericDate(age / time.Second)
			}
		}
		document, err := env.Sign(claims)
		require.NoError(t, err)
		nobody, err := vaultFor(t, env, "", "")
		require.NoError(t, err)
		_, err = nobody.Logical().Write("auth/jwt/login", map[string]any{"role": "payments", "jwt": document})
		return err
	}
	// outlives tells whether a login is still good after its lease was revoked.
	outlives := func() bool {
		th := steal(t, env, "payments")
		require.NoError(t, env.RevokeLease(t.Context(), th.lease))
		return th.logsIn(t)
	}
	inForce := func() {
		t.Helper()
		require.Error(t, login("notification", "vault", 0), "another workload's")
		require.Error(t, login("payments", "consul", 0), "for Consul")
		require.Error(t, login("payments", "vault", time.Hour), "a stale one")
		require.NoError(t, login("payments", "vault", 0))
	}
	// registers tells whether notification gets payments into the catalog.
	registers := func() bool {
		client, err := consul.NewClient(&consul.Config{Address: env.ConsulHTTP, Scheme: "https", TLSConfig: consul.TLSConfig{CAFile: env.CAFile}})
		require.NoError(t, err)
		token, _, err := client.ACL().Login(&consul.ACLLoginParams{AuthMethod: "workloads", BearerToken: env.JWT(t, "notification", "consul")}, nil)
		require.NoError(t, err)
		as := consul.ServiceRegisterOpts{Token: token.SecretID}
		return client.Agent().ServiceRegisterOpts(&consul.AgentServiceRegistration{Name: "payments", Port: 1}, as) == nil
	}
	// reads tells whether notification gets a login to payments' database.
	reads := func() bool {
		document, err := env.Sign(controlplanetest.Claims("notification", "vault"))
		require.NoError(t, err)
		nobody, err := vaultFor(t, env, "", "")
		require.NoError(t, err)
		got, err := nobody.Logical().Write("auth/jwt/login", map[string]any{"role": "notification", "jwt": document})
		require.NoError(t, err)
		nobody.SetToken(got.Auth.ClientToken)
		_, err = nobody.Logical().Read("database/creds/payments")
		return err == nil
	}
	inForce()
	require.False(t, outlives())
	require.False(t, registers())
	require.False(t, reads())
	require.ErrorContains(t, env.SwitchOff(t.Context(), "mesh.mtls"), `"mesh.mtls"`)

	require.NoError(t, env.SwitchOff(t.Context(), controlplane.Attest))
	require.NoError(t, login("notification", "vault", 0))
	require.NoError(t, login("payments", "consul", 0))
	require.NoError(t, login("payments", "vault", time.Hour))
	require.False(t, outlives(), "the other one is in force")

	require.NoError(t, env.SwitchOff(t.Context(), controlplane.DBLease))
	inForce()
	require.True(t, outlives())

	require.NoError(t, env.SwitchOff(t.Context(), controlplane.Catalog))
	inForce()
	require.False(t, outlives())
	require.True(t, registers())

	require.NoError(t, env.SwitchOff(t.Context(), controlplane.VaultPolicy))
	inForce()
	require.False(t, registers())
	require.True(t, reads())

	require.NoError(t, env.SwitchOff(t.Context()))
	inForce()
	require.False(t, outlives())
	require.False(t, registers())
	require.False(t, reads())
}
