package controlplane_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane"
	"redoubt.example/infra/controlplane/controlplanetest"
)

func TestPolicyIsSignedByItsPublisherAlone(t *testing.T) {
	env := controlplanetest.Start(t)
	for _, subject := range []string{"operator", "payments", "notification", "modelstore-publish", "user/alice"} {
		_, err := vaultFor(t, env, subject, controlplane.PolicyPublisher)
		require.Error(t, err, subject)
	}
	publisher := mustLogin(t, env, controlplane.PolicyPublisher, controlplane.PolicyPublisher)
	for _, path := range []string{"transit/sign/modelstore", "transit/keys/policy/rotate", "sys/policies/acl/payments", "auth/token/create"} {
		_, err := publisher.Logical().Write(path, map[string]any{})
		require.True(t, denied(err), "%s: %v", path, err)
	}

	signature, version, err := env.SignPolicy(t.Context(), []byte("rules"))
	require.NoError(t, err)
	require.Equal(t, 1, version)
	read, err := mustLogin(t, env, "payments", "payments").Logical().Read("transit/keys/policy")
	require.NoError(t, err)
	key, err := base64.StdEncoding.DecodeString(read.Data["keys"].(map[string]any)["1"].(map[string]any)["public_key"].(string))
	require.NoError(t, err)
	require.True(t, ed25519.Verify(key, []byte("rules"), signature))
}
