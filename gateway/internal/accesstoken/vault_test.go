package accesstoken_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/gateway/internal/accesstoken"
	"redoubt.example/infra/controlplane/controlplanetest"
	"redoubt.example/services/platform/controls"
)

func TestMain(m *testing.M) { os.Exit(controlplanetest.Main(m)) }

// TestVaultIsSuchAnIssuer: what the lab's Vault publishes and signs is what this package expects.
func TestVaultIsSuchAnIssuer(t *testing.T) {
	env := controlplanetest.Start(t)
	client, err := accesstoken.Client(env.CAFile)
	require.NoError(t, err)
	address := env.VaultAddr
	if !strings.HasPrefix(address, "https://") {
		address = "https://" + address
	}
	open := func(audience string) *accesstoken.Verifier {
		v := accesstoken.New(accesstoken.Config{Issuer: address + "/v1/identity/oidc", Audience: audience, SubjectClaim: "username", Client: client})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- v.Run(ctx) }()
		t.Cleanup(func() { cancel(); require.NoError(t, <-ended) })
		require.Eventually(t, func() bool { return v.Ready() == nil }, 10*time.Second, 10*time.Millisecond)
		return v
	}
	raw, err := env.AccessToken(t.Context(), "alice", []string{"documents:read", "documents:write"})
	require.NoError(t, err)

	_, err = open("another-api").Verify(t.Context(), raw)
	var refusal *accesstoken.Refusal
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, controls.EdgeAudience, refusal.Control)

	token, err := open("redoubt").Verify(t.Context(), raw)
	require.NoError(t, err)
	require.Equal(t, "alice", token.Principal)
	require.ElementsMatch(t, []string{"documents:read", "documents:write"}, token.Scopes)
}
