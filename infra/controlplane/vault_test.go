package controlplane_test

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane"
	"redoubt.example/infra/controlplane/controlplanetest"
	"redoubt.example/infra/topology"
)

// vaultFor is a client with the token that a document gets from a role, or with none.
func vaultFor(t *testing.T, env *controlplanetest.Env, subject, role string) (*api.Client, error) {
	t.Helper()
	cfg := api.DefaultConfig()
	cfg.Address, cfg.MaxRetries = env.VaultAddr, 0
	require.NoError(t, cfg.ConfigureTLS(&api.TLSConfig{CACert: env.CAFile}))
	client, err := api.NewClient(cfg)
	require.NoError(t, err)
	client.ClearToken()
	if subject == "" {
		return client, nil
	}
	secret, err := client.Logical().Write("auth/jwt/login", map[string]any{"role": role, "jwt": env.JWT(t, subject, "vault")})
	if err != nil {
		return nil, err
	}
	client.SetToken(secret.Auth.ClientToken)
	return client, nil
}

func mustLogin(t *testing.T, env *controlplanetest.Env, subject, role string) *api.Client {
	t.Helper()
	client, err := vaultFor(t, env, subject, role)
	require.NoError(t, err)
	return client
}

func denied(err error) bool {
	var response *api.ResponseError
	return errors.As(err, &response) && response.StatusCode == http.StatusForbidden
}

// rights is what each workload may do, in full, as topology.yaml says it: anything else of what opens something is
// denied to it.
func rights(top *topology.Topology) map[string][]string {
	all := map[string][]string{}
	for name, s := range top.Services {
		all[name] = slices.Clone(s.Secrets)
		if s.Database {
			all[name] = append(all[name], "database/creds/"+name)
		}
	}
	for name, j := range top.Jobs {
		all[name] = slices.Clone(j.Secrets)
		if j.Database {
			all[name] = append(all[name], "database/creds/"+name)
		}
	}
	return all
}

func TestVaultGivesEachWorkloadItsOwn(t *testing.T) {
	env := controlplanetest.Start(t)
	rights := rights(env.Topology)
	require.ElementsMatch(t, controlplane.Workloads(env.Topology), slices.Collect(maps.Keys(rights)))
	require.Contains(t, rights["payments"], "database/creds/payments")

	paths := []string{
		"auth/token/create", "auth/token/accessors", "auth/jwt/role/operator", "sys/mounts", "sys/policies/acl/operator",
		"sys/leases/revoke", "sys/leases/lookup", "sys/audit", "identity/entity/name/alice", "cubbyhole/x",
		"database/config/payments", "database/rotate-root/payments", "database/roles/payments",
		"transit/keys/notification", "transit/export/signing-key/modelstore", "transit/verify/modelstore",
		"transit/sign/policy", "transit/keys/policy/rotate",
		"identity/oidc/role/alice.account_read", "identity/oidc/token/alice.account_read",
		"connect-root/root/sign-intermediate", "connect-inter/sign/leaf-cert", "pki-edge/root/sign-intermediate",
	}
	for _, own := range rights {
		paths = append(paths, own...)
	}
	for workload, own := range rights {
		client := mustLogin(t, env, workload, workload)
		for _, path := range paths {
			_, readErr := client.Logical().Read(path)
			_, writeErr := client.Logical().Write(path, map[string]any{})
			if slices.Contains(own, path) {
				require.False(t, denied(readErr) && denied(writeErr), "%s may use %s", workload, path)
				continue
			}
			require.True(t, denied(readErr), "%s reads %s: %v", workload, path, readErr)
			require.True(t, denied(writeErr), "%s writes %s: %v", workload, path, writeErr)
		}
	}
	nobody, err := vaultFor(t, env, "", "")
	require.NoError(t, err)
	for _, path := range paths {
		_, err := nobody.Logical().Read(path)
		require.Error(t, err, path)
	}
}

func TestOperatorReadsNoSecret(t *testing.T) {
	env := controlplanetest.Start(t)
	operator, err := env.Operator(t.Context())
	require.NoError(t, err)
	for _, path := range []string{"database/creds/payments", "identity/oidc/token/alice.account_read", "cubbyhole/x", "transit/export/signing-key/modelstore"} {
		_, err := operator.Logical().Read(path)
		require.True(t, denied(err), "%s: %v", path, err)
	}
	for _, path := range []string{"transit/sign/modelstore", "transit/sign/policy", "transit/decrypt/notification", "pki-edge/sign/gateway", "auth/token/create"} {
		_, err := operator.Logical().Write(path, map[string]any{})
		require.True(t, denied(err), "%s: %v", path, err)
	}
	for _, who := range []string{"payments", "user/alice", "alice"} {
		_, err := vaultFor(t, env, who, "operator")
		require.Error(t, err, who)
	}
}

func TestNoRootTokenIsLeft(t *testing.T) {
	env := controlplanetest.Start(t)
	operator, err := env.Operator(t.Context())
	require.NoError(t, err)
	accessors, err := operator.Logical().List("auth/token/accessors")
	require.NoError(t, err)
	for _, accessor := range accessors.Data["keys"].([]any) {
		about, err := operator.Logical().Write("auth/token/lookup-accessor", map[string]any{"accessor": accessor})
		if err != nil {
			continue // expired meanwhile
		}
		text, err := json.Marshal(about.Data["policies"])
		require.NoError(t, err)
		require.NotContains(t, string(text), "root")
	}
}

func TestAccessToken(t *testing.T) {
	env := controlplanetest.Start(t)
	ctx := t.Context()
	_, err := env.AccessToken(ctx, "alice", []string{"payments:refund"})
	require.ErrorContains(t, err, `alice may not have the scope "payments:refund"`)
	_, err = env.AccessToken(ctx, "mallory", nil)
	require.ErrorContains(t, err, "no demo user")

	// Straight at Vault: carol's roles exist, and alice can neither use nor make one.
	_, err = env.AccessToken(ctx, "carol", []string{"payments:refund"})
	require.NoError(t, err)
	alice := mustLogin(t, env, "user/alice", "user")
	_, err = alice.Logical().Read("identity/oidc/token/carol.payments_refund")
	require.True(t, denied(err), err)
	_, err = alice.Logical().Write("identity/oidc/role/alice.payments_refund", map[string]any{
		"key": "redoubt", "client_id": "redoubt", "template": `{"scope": "payments:refund"}`})
	require.True(t, denied(err), err)
	_, err = alice.Logical().Read("identity/oidc/token/alice.payments_refund")
	require.Error(t, err, "a role that the operator never made")
	for _, subject := range []string{"alice", "user/mallory", "payments"} {
		_, err := vaultFor(t, env, subject, "user")
		require.Error(t, err, subject)
	}

	raw, err := env.AccessToken(ctx, "alice", []string{"inbox:read", "account:read", "inbox:read"})
	require.NoError(t, err)
	claims := verify(t, env, raw)
	require.Equal(t, "alice", claims["username"])
	require.Equal(t, "account:read inbox:read", claims["scope"])
	require.Equal(t, "redoubt", claims["aud"])
	require.Equal(t, env.VaultAddr+"/v1/identity/oidc", claims["iss"])
	require.InDelta(t, 900, claims["exp"].(float64)-claims["iat"].(float64), 1)
	raw, err = env.AccessToken(ctx, "alice", nil)
	require.NoError(t, err)
	require.Len(t, strings.Fields(verify(t, env, raw)["scope"].(string)), len(env.Topology.Users["alice"]))
}
