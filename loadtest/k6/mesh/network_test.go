package mesh_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/loadtest/k6/mesh"
)

func TestNoNetworkButALabs(t *testing.T) {
	g := mesh.NewGuard("", "")
	for _, network := range []string{"", "10.0.0.0/8", "0.0.0.0/0", "8.8.0.0/16", "10.213.0.1/16", "10.213.0.0", "fd00::/64", "192.168.0.0/15"} {
		require.ErrorIs(t, g.Within(network), mesh.ErrConfined, network)
	}
	require.ErrorContains(t, g.Within("10.213.0.0/16"), "no container was started for this process")
}

// TestOnlyInAContainer: a process that has any other way out isn't an attacker's in the lab.
func TestOnlyInAContainer(t *testing.T) {
	at := func(prefixes ...string) (all []net.Addr) {
		for _, text := range prefixes {
			ip, network, err := net.ParseCIDR(text)
			require.NoError(t, err)
			all = append(all, &net.IPNet{IP: ip, Mask: network.Mask})
		}
		return all
	}
	lab := netip.MustParsePrefix("10.213.0.0/16")
	require.ErrorIs(t, mesh.AllWithin(lab, at("127.0.0.1/8", "10.213.0.18/28", "192.0.2.7/24")), mesh.ErrConfined)
	require.ErrorIs(t, mesh.AllWithin(lab, at("10.213.0.18/28", "10.214.0.1/28")), mesh.ErrConfined)
	require.NoError(t, mesh.AllWithin(lab, at("127.0.0.1/8", "::1/128", "10.213.0.18/28", "10.213.1.2/28")))
}

func TestTargetsInTheLabsNetwork(t *testing.T) {
	g := mesh.NewGuardIn(netip.MustParsePrefix("10.213.0.0/16"))
	for _, address := range []string{"10.214.0.1:80", "8.8.8.8:53", "[::ffff:10.213.0.1]:80", "payments-sidecar:20000"} {
		_, _, err := g.Target(address)
		require.ErrorIs(t, err, mesh.ErrConfined, address)
	}
	_, target, err := g.Target("10.213.0.18:20000")
	require.NoError(t, err)
	require.Equal(t, "10.213.0.18:20000", target)
}
