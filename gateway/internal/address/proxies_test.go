package address_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/gateway/internal/address"
)

func proxies(t testing.TB, text string) address.Proxies {
	var p address.Proxies
	require.NoError(t, p.UnmarshalText([]byte(text)))
	return p
}

func TestClient(t *testing.T) {
	const balancer = "10.0.0.1:4000"
	for name, tc := range map[string]struct {
		trusted, peer string
		forwarded     []string
		want          string
	}{
		"nobody is believed by default":     {"", balancer, []string{"203.0.113.7"}, "10.0.0.1"},
		"a peer that isn't a proxy":         {"10.0.0.0/8", "198.51.100.1:1", []string{"203.0.113.7"}, "198.51.100.1"},
		"one proxy":                         {"10.0.0.0/8", balancer, []string{"203.0.113.7"}, "203.0.113.7"},
		"what the client wrote itself":      {"10.0.0.0/8", balancer, []string{"192.0.2.1, 203.0.113.7"}, "203.0.113.7"},
		"and in a field of its own":         {"10.0.0.0/8", balancer, []string{"192.0.2.1", "203.0.113.7"}, "203.0.113.7"},
		"a proxy's address, client's claim": {"10.0.0.0/8", balancer, []string{"10.9.9.9, 203.0.113.7"}, "203.0.113.7"},
		"two proxies":                       {"10.0.0.0/8", balancer, []string{"203.0.113.7, 10.0.0.2"}, "203.0.113.7"},
		"proxies alone":                     {"10.0.0.0/8", balancer, []string{"10.0.0.3,10.0.0.2"}, "10.0.0.3"},
		"no field":                          {"10.0.0.0/8", balancer, nil, "10.0.0.1"},
		"an empty field":                    {"10.0.0.0/8", balancer, []string{""}, "10.0.0.1"},
		"garbage at the right":              {"10.0.0.0/8", balancer, []string{"203.0.113.7, unknown"}, "10.0.0.1"},
		"garbage further left":              {"10.0.0.0/8", balancer, []string{"x, 10.0.0.2"}, "10.0.0.2"},
		"with a port":                       {"10.0.0.0/8", balancer, []string{"203.0.113.7:5000"}, "203.0.113.7"},
		"IPv6":                              {"10.0.0.1", balancer, []string{"2001:db8::1"}, "2001:db8::1"},
		"IPv6 with a port":                  {"10.0.0.1", balancer, []string{"[2001:db8::1]:5000"}, "2001:db8::1"},
		"IPv4 written as IPv6":              {"10.0.0.1", balancer, []string{"::ffff:203.0.113.7"}, "203.0.113.7"},
		"a peer written as IPv6":            {"10.0.0.1", "[::ffff:10.0.0.1]:4000", []string{"203.0.113.7"}, "203.0.113.7"},
		"an IPv6 proxy":                     {"fd00::/8", "[fd00::1]:1", []string{"203.0.113.7"}, "203.0.113.7"},
	} {
		t.Run(name, func(t *testing.T) {
			got := proxies(t, tc.trusted).Client(tc.peer, http.Header{"X-Forwarded-For": tc.forwarded})
			require.Equal(t, tc.want, got.String())
		})
	}
}

func TestProxiesText(t *testing.T) {
	for _, text := range []string{"x", "10.0.0.0/33", "0.0.0.0/0", "::/0", "10.0.0.1,,nonsense", "::ffff:10.0.0.0/100", "fe80::1%eth0"} {
		var p address.Proxies
		require.Error(t, p.UnmarshalText([]byte(text)), text)
	}
	require.Len(t, proxies(t, " 10.0.0.0/8, 192.0.2.1 ,"), 2)
}

func TestNetwork(t *testing.T) {
	require.Equal(t, "203.0.113.7", address.Network(netip.MustParseAddr("203.0.113.7")).String())
	require.Equal(t, address.Network(netip.MustParseAddr("2001:db8::1")), address.Network(netip.MustParseAddr("2001:db8::ffff:1")))
	require.NotEqual(t, address.Network(netip.MustParseAddr("2001:db8::1")), address.Network(netip.MustParseAddr("2001:db8:0:1::1")))
}

// FuzzClient: whatever a client writes to the left of what our proxy appends doesn't change who it is.
func FuzzClient(f *testing.F) {
	for _, s := range []string{"", "1.2.3.4", "10.0.0.9", "x,,", "[::1]:2, ::ffff:10.0.0.2", " \t,", "fe80::1%a", strings.Repeat("10.0.0.1,", 9)} {
		f.Add(s, "203.0.113.7")
	}
	trusted := proxies(f, "10.0.0.0/8")
	f.Fuzz(func(t *testing.T, claim, real string) {
		free := trusted.Client("10.0.0.1:1", http.Header{"X-Forwarded-For": {claim}})
		require.True(t, free.IsValid() && !free.Is4In6() && free.Zone() == "", free)
		require.Equal(t, "198.51.100.1", trusted.Client("198.51.100.1:1", http.Header{"X-Forwarded-For": {claim}}).String())
		require.Equal(t, "10.0.0.1", address.Proxies(nil).Client("10.0.0.1:1", http.Header{"X-Forwarded-For": {claim}}).String())
		from, err := netip.ParseAddr(real)
		if err != nil || from.Unmap().WithZone("") != from || proxies(t, "10.0.0.0/8")[0].Contains(from) {
			return
		}
		require.Equal(t, from, trusted.Client("10.0.0.1:1", http.Header{"X-Forwarded-For": {claim + ", " + real}}))
		require.Equal(t, from, trusted.Client("10.0.0.1:1", http.Header{"X-Forwarded-For": {claim, real + " , 10.0.0.2"}}))
	})
}
