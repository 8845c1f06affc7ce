package controlplane_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
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

func TestPlanePrintsNothing(t *testing.T) {
	env := controlplanetest.Start(t)
	share := env.UnsealShare()
	require.NotEmpty(t, share)
	var printed bytes.Buffer
	for _, plane := range []any{env.Plane, *env, []any{env.Plane}, map[string]any{"plane": env.Plane}} {
		fmt.Fprintf(&printed, "%v %+v %#v %s %d %x", plane, plane, plane, plane, plane, plane)
		slog.New(slog.NewTextHandler(&printed, nil)).Info("x", "plane", plane)
		slog.New(slog.NewJSONHandler(&printed, nil)).Info("x", "plane", plane)
	}
	text, err := json.Marshal(env.Plane)
	require.NoError(t, err)
	require.NotContains(t, printed.String()+string(text), share)
	require.NotContains(t, printed.String(), fmt.Sprintf("%x", share))
	require.Contains(t, printed.String(), "control plane in "+env.Dir)
}
