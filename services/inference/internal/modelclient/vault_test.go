package modelclient_test

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane/controlplanetest"
	"redoubt.example/services/inference/internal/modelclient"
	"redoubt.example/services/platform/secrets"
)

func TestMain(m *testing.M) { os.Exit(controlplanetest.Main(m)) }

// With the real Vault: the publishing job signs, inference verifies, and can do no more than that.
func TestVaultSignsForUs(t *testing.T) {
	env := controlplanetest.Start(t)
	transit := func(role string) *secrets.Transit {
		v, err := secrets.Login(t.Context(), secrets.Config{
			Addr: env.VaultAddr, CAFile: env.CAFile, JWTFile: env.JWTFile(role, "vault"), Role: role, Log: slog.New(slog.DiscardHandler),
		})
		require.NoError(t, err)
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			require.NoError(t, v.Close(ctx))
		})
		return v.Transit("modelstore")
	}
	ours, publisher := transit("inference"), transit("modelstore-publish")

	_, _, err := ours.Sign(t.Context(), []byte("a manifest"))
	require.Error(t, err, "who runs models doesn't sign them")

	s := newStore(t)
	client := &modelclient.Client{Store: s, Keys: ours, MaxSize: maxSize}
	_, _, err = client.Fetch(t.Context(), "langid")
	require.ErrorIs(t, err, modelclient.ErrRefused, "signed by the store itself")

	s.manifest.Signature, s.manifest.KeyVersion, err = publisher.Sign(t.Context(), s.manifest.SigningBytes())
	require.NoError(t, err)
	_, weights, err := client.Fetch(t.Context(), "langid")
	require.NoError(t, err)
	require.Equal(t, s.weights, weights)
}
