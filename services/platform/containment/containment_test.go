package containment_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/containment"
)

func TestListsThatAreRefused(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	soon := now.Add(time.Hour)
	for name, e := range map[string]containment.Entry{
		"a kind":              {Kind: "shoot", Target: "x", Until: soon},
		"no kind":             {Target: "x", Until: soon},
		"no address":          {Kind: containment.Address, Target: "everybody", Until: soon},
		"a network":           {Kind: containment.Address, Target: "10.0.0.0/8", Until: soon},
		"an address's zone":   {Kind: containment.Address, Target: "fe80::1%eth0", Until: soon},
		"an empty name":       {Kind: containment.Principal, Until: soon},
		"a name with a break": {Kind: containment.Token, Target: "a\nb", Until: soon},
		"no end":              {Kind: containment.Principal, Target: "0123abcd"},
		"an end too late":     {Kind: containment.Principal, Target: "0123abcd", Until: now.Add(26 * time.Hour)},
	} {
		require.Error(t, containment.List{Entries: []containment.Entry{e}}.Check(now), name)
	}
	require.Error(t, containment.List{Entries: make([]containment.Entry, 10_001)}.Check(now))
	good := []containment.Entry{{Kind: containment.Address, Target: "2001:db8::1", Until: soon}, {Kind: containment.Throttle, Target: "0123abcd", Until: now.Add(-time.Hour)}}
	require.NoError(t, containment.List{Entries: good}.Check(now))
	require.NoError(t, containment.List{}.Check(now))
}
