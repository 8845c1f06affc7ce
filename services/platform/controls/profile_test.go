package controls_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/controls"
)

func layer(l controls.Layer) (ids []string) {
	for _, c := range controls.All() {
		if c.Layer == l {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

func TestProfiles(t *testing.T) {
	everything := slices.Concat(layer(controls.Edge), layer(controls.Mesh), layer(controls.App), layer(controls.Infra))
	for _, tc := range []struct {
		name, mode string
		on         []string // and no other
		again      bool
	}{
		{"plaintext", "plaintext", nil, false},
		{"gateway-only", "plaintext", layer(controls.Edge), false},
		{"mesh-only", "sidecar", append(layer(controls.Mesh), "infra.attest", "infra.catalog"), false},
		{"library", "native", []string{"edge.tls", "edge.jwt.present", "edge.jwt.signature", "edge.jwt.issuer", "edge.jwt.audience", "edge.jwt.expiry",
			"edge.jwt.subject", "edge.apikey", "edge.dpop", "mesh.mtls", "mesh.spiffe", "app.txn-token", "app.policy", "app.policy.owner",
			"infra.attest", "infra.catalog"}, false},
		{"layered", "sidecar", everything, false},
		{"overchecked", "sidecar", everything, true},
	} {
		p, err := controls.LookupProfile(tc.name)
		require.NoError(t, err)
		for _, c := range controls.All() {
			assert.Equal(t, slices.Contains(tc.on, c.ID), p.Has(c.ID), "%s has %s", tc.name, c.ID)
			assert.Equal(t, !slices.Contains(tc.on, c.ID), slices.Contains(p.Off(), c.ID) || (c.Owner == controls.Engine || c.Owner == controls.Supervisor) && !p.Has(c.ID), "%s is off in %s", c.ID, tc.name)
		}
		mode, err := p.Mode("")
		require.NoError(t, err)
		assert.Equal(t, tc.mode, mode, tc.name)
		assert.Equal(t, tc.again, p.Again, tc.name)
		assert.Equal(t, len(tc.on) < len(everything), p.Weak(), tc.name)
		assert.NotEmpty(t, p.Says, tc.name)
	}
	require.Len(t, controls.Profiles(), 6)
}

func TestProfileRefusesOtherModes(t *testing.T) {
	for _, tc := range []struct{ profile, mode string }{
		{"plaintext", "sidecar"}, {"plaintext", "native"}, {"gateway-only", "sidecar"}, {"mesh-only", "native"}, {"mesh-only", "plaintext"},
		{"library", "sidecar"}, {"library", "envoy"}, {"layered", "plaintext"}, {"overchecked", "plaintext"}, {"layered", "telepathy"},
	} {
		p, err := controls.LookupProfile(tc.profile)
		require.NoError(t, err)
		_, err = p.Mode(tc.mode)
		require.ErrorContains(t, err, tc.mode)
		require.ErrorContains(t, err, strings.Join(p.Modes, " or "), "it says what goes")
	}
	layered, err := controls.LookupProfile("layered")
	require.NoError(t, err)
	mode, err := layered.Mode("native")
	require.NoError(t, err)
	require.Equal(t, "native", mode)
	_, err = controls.LookupProfile("Layered")
	require.ErrorContains(t, err, "gateway-only")
}
