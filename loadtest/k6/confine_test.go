package main

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBlocked(t *testing.T) {
	inside := func(text string) bool {
		for _, p := range blocked() {
			if netip.MustParsePrefix(p).Contains(netip.MustParseAddr(text)) {
				return true
			}
		}
		return false
	}
	for _, addr := range []string{"0.0.0.0", "10.0.0.1", "126.255.255.255", "128.0.0.0", "169.254.169.254", "192.168.1.1",
		"255.255.255.255", "::", "::2", "fe80::1", "2001:db8::1", "ffff::"} {
		require.True(t, inside(addr), addr)
	}
	for _, addr := range []string{"127.0.0.1", "127.255.255.255", "::1"} {
		require.False(t, inside(addr), addr)
	}
}

func TestConfineRefusesAnotherBlockList(t *testing.T) {
	set := map[string]string{}
	setenv := func(k, v string) error { set[k] = v; return nil }
	require.Error(t, confine([]string{"run", "--blacklist-ip", "10.0.0.0/8", "x.js"}, setenv))
	require.Error(t, confine([]string{"run", "--blacklist-ip=10.0.0.0/8", "x.js"}, setenv))
	require.Empty(t, set)
	require.NoError(t, confine([]string{"run", "x.js"}, setenv))
	require.Contains(t, set["K6_BLACKLIST_IPS"], "128.0.0.0/1")
}
