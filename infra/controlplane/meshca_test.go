package controlplane_test

import (
	"testing"

	"github.com/hashicorp/consul/api"
	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane/controlplanetest"
)

// Twice, because the second rotation begins where the first one ended; and Consul still has its CA after a restart.
func TestRotateMeshCA(t *testing.T) {
	env := controlplanetest.StartOwn(t, 0)
	seen := map[string]bool{}
	for range 2 {
		var before *api.CARootList
		require.NoError(t, env.AsConsulOperator(t.Context(), func(c *api.Client) (err error) {
			before, _, err = c.Connect().CARoots(nil)
			return err
		}))
		id, err := env.RotateMeshCA(t.Context())
		require.NoError(t, err)
		require.False(t, seen[id])
		seen[id] = true
		require.NoError(t, env.AsConsulOperator(t.Context(), func(c *api.Client) error {
			after, _, err := c.Connect().CARoots(nil)
			require.NoError(t, err)
			require.Equal(t, id, after.ActiveRootID)
			require.Equal(t, before.TrustDomain, after.TrustDomain, "identities stay")
			require.Len(t, after.Roots, len(before.Roots)+1, "the old root is still trusted")
			return nil
		}))
		operator, err := env.Operator(t.Context())
		require.NoError(t, err)
		policy, err := operator.Sys().GetPolicyWithContext(t.Context(), "consul")
		require.NoError(t, err)
		require.NotContains(t, policy, "sign-self-issued", "the rights for it are gone")
		require.NotContains(t, policy, "connect-root")
	}
	env.Stop(t, "consul")
	env.Restart(t, "consul")
	require.NoError(t, env.AsConsulOperator(t.Context(), func(c *api.Client) error {
		roots, _, err := c.Connect().CARoots(nil)
		require.NoError(t, err)
		require.True(t, seen[roots.ActiveRootID])
		require.Len(t, roots.Roots, 3)
		return nil
	}))
}
