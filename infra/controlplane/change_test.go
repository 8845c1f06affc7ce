package controlplane_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane/controlplanetest"
)

// TestSetDeclared: Vault goes by other files as long as it is told to, and by those that are declared from then on.
func TestSetDeclared(t *testing.T) {
	env := controlplanetest.StartOwn(t, 0)
	other := func(name, old, new string) map[string]string {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Contains(t, string(text), old)
		return map[string]string{name: strings.Replace(string(text), old, new, 1)}
	}
	asPayments := func() error { _, err := vaultFor(t, env, "notification", "payments"); return err }
	reads := func() bool {
		_, err := mustLogin(t, env, "notification", "notification").Logical().Read("database/creds/ingestion")
		require.True(t, err == nil || denied(err), err)
		return err == nil
	}
	outlives := func() bool {
		th := steal(t, env, "payments")
		require.NoError(t, env.RevokeLease(t.Context(), th.lease))
		return th.logsIn(t)
	}
	for _, c := range []struct {
		name, old, new string
		broken         func() bool
	}{
		{"vault/role.json", `"bound_subject": "[[.]]",`, "", func() bool { return asPayments() == nil }},
		{"vault/policies/notification.hcl", "database/creds/notification\" ", "database/creds/*\" ", reads},
		{"postgres/revoke.sql", `    DROP ROLE "{{name}}";`, `    ALTER ROLE "{{name}}" LOGIN;`, outlives},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.False(t, c.broken())
			require.NoError(t, env.SetDeclared(t.Context(), other(c.name, c.old, c.new)))
			require.True(t, c.broken())
			require.NoError(t, env.SwitchOff(t.Context()))
			require.True(t, c.broken(), "what is written anew meanwhile goes by it, too")
			require.NoError(t, env.SetDeclared(t.Context(), nil))
			require.False(t, c.broken())
			found, err := env.Drift(t.Context())
			require.NoError(t, err)
			require.Empty(t, found)
		})
	}
	for _, name := range []string{"vault/server.hcl", "vault/policies/nobody.hcl", "change.go"} {
		require.ErrorContains(t, env.SetDeclared(t.Context(), map[string]string{name: ""}), name)
	}
}
