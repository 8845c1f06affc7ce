package e2e_test

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	engine "redoubt.example/scripts/internal/containers"
	"redoubt.example/scripts/internal/images"
)

// testContainersOfEnvoy has an engine run the platform with a stand-in for Envoy in the place of each sidecar, in the same
// networks: each sees its peers at another address.
func testContainersOfEnvoy(t *testing.T) {
	p := &containers{lab: standInForEnvoy(t).up(t, "--engine", "docker", "--mode", "envoy")}
	p.project = engine.Project(p.dir)
	require.Equal(t, "envoy", p.status.Mode)
	require.Equal(t, "redoubt/envoy:"+images.Tag, p.docker(t, "inspect", "--format", "{{.Config.Image}}", p.name("payments-sidecar")))
	p.eventually(t, http.StatusCreated)

	t.Run("a partition between two services is that, and heals", p.partition)
	t.Run("a peer at another address is found there", func(t *testing.T) {
		network, sidecar := p.project+"_ingestion-payments", p.name("payments-sidecar")
		before := netip.MustParseAddr(p.inspect(t, "payments-sidecar").Net.Networks[network].IPAddress)
		bytes := before.As4()
		bytes[3] = bytes[3]&^15 | 13 // of the network's sixteen, one that nobody has
		other := netip.AddrFrom4(bytes)
		require.NotEqual(t, before, other)
		p.docker(t, "network", "disconnect", network, sidecar)
		p.docker(t, "network", "connect", "--alias", "payments-sidecar", "--ip", other.String(), network, sidecar)
		p.eventually(t, http.StatusCreated)
	})
	t.Run("an Envoy that ends is started again", func(t *testing.T) {
		p.docker(t, "kill", p.name("payments-sidecar"))
		p.docker(t, "start", p.name("payments-sidecar"))
		p.eventually(t, http.StatusCreated)
	})
}
