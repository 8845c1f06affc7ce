package controlplane_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane"
	"redoubt.example/infra/controlplane/controlplanetest"
	"redoubt.example/infra/topology"
)

func TestMain(m *testing.M) { os.Exit(controlplanetest.Main(m)) }

func TestNewRefuses(t *testing.T) {
	top, err := topology.Load()
	require.NoError(t, err)
	good := controlplane.Config{
		Dir: t.TempDir(), Consul: "/consul", Vault: "/vault", PostgresBin: "/postgres", Topology: top,
		AttestKeyPEM: []byte("key"), IssueJWT: func(string, string) (string, error) { return "", nil },
	}
	for name, spoil := range map[string]func(*controlplane.Config){
		"a relative path": func(c *controlplane.Config) { c.Dir = "lab" },
		"no Vault":        func(c *controlplane.Config) { c.Vault = "" },
		"no topology":     func(c *controlplane.Config) { c.Topology = nil },
		"no attestation":  func(c *controlplane.Config) { c.AttestKeyPEM = nil },
		"no issuer":       func(c *controlplane.Config) { c.IssueJWT = nil },
		"a lease of -1":   func(c *controlplane.Config) { c.LeaseTTL = -1 },
	} {
		bad := good
		spoil(&bad)
		_, err := controlplane.New(bad)
		require.Error(t, err, name)
	}
	first, err := controlplane.New(good)
	require.NoError(t, err)
	good.Dir = t.TempDir()
	second, err := controlplane.New(good)
	require.NoError(t, err)
	require.NotEqual(t, first.VaultAddr, second.VaultAddr, "labs side by side")
	require.NotEqual(t, first.ConsulHTTP, second.ConsulHTTP)
}
