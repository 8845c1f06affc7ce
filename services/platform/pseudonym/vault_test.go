package pseudonym_test

import (
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane/controlplanetest"
	"redoubt.example/services/platform/pseudonym"
	"redoubt.example/services/platform/secrets"
)

func TestMain(m *testing.M) { os.Exit(controlplanetest.Main(m)) }

// TestGatewayAndOperatorAgree, and nobody else can: on real Vault, before and after the key is rotated.
func TestGatewayAndOperatorAgree(t *testing.T) {
	env := controlplanetest.StartOwn(t, 0)
	derive := func(service string) ([]byte, error) {
		vault, err := secrets.Login(t.Context(), secrets.Config{Addr: env.VaultAddr, CAFile: env.CAFile, JWTFile: env.JWTFile(service, "vault"), Role: service})
		require.NoError(t, err)
		defer func() { require.NoError(t, vault.Close(context.Background())) }()
		key, _, err := vault.Transit(pseudonym.Key).HMAC(t.Context(), []byte(pseudonym.Purpose), pseudonym.Version)
		return key, err
	}
	for _, service := range []string{"notification", "sentinel"} {
		_, err := derive(service)
		require.ErrorContains(t, err, "permission denied", service)
	}
	first, err := derive("gateway")
	require.NoError(t, err)
	_, err = env.RotateTransit(t.Context(), pseudonym.Key)
	require.NoError(t, err)
	later, err := derive("gateway")
	require.NoError(t, err)
	operators, _, err := env.Pepper(t.Context(), pseudonym.Key, pseudonym.Purpose, pseudonym.Version)
	require.NoError(t, err)
	require.Equal(t, first, later, "events before and after are of the same principal")
	require.Equal(t, first, operators)
	require.NotEmpty(t, first)
}
