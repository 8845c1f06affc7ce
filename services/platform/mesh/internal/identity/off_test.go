package identity_test

import (
	"crypto/x509"
	"errors"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/controls/controlstest"
	"redoubt.example/services/platform/mesh/internal/identity"
	"redoubt.example/services/platform/mesh/internal/meshtest"
	"redoubt.example/services/platform/mesh/spiffe"
)

// TestOff: what each of the two controls refuses passes without it, and nothing that the other refuses.
func TestOff(t *testing.T) {
	ca := meshtest.NewCA(t)
	own := ca.Identity(t, "payments")
	foreign := meshtest.ID("gateway")
	foreign.TrustDomain = "evil.consul"
	named := func(ids ...spiffe.ID) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			c.URIs = nil
			for _, id := range ids {
				c.URIs = append(c.URIs, meshtest.URI(t, id.String()))
			}
		}
	}
	chains := map[string][]*x509.Certificate{
		controls.MeshMTLS:             {meshtest.SelfSigned(t, "gateway").Leaf},
		controls.MeshMTLS + " CA":     {ca.Leaf(t, "gateway", func(c *x509.Certificate) { c.IsCA = true }).Leaf},
		controls.MeshSPIFFE:           {ca.Leaf(t, "", named(foreign)).Leaf},
		controls.MeshSPIFFE + " two":  {ca.Leaf(t, "", named(meshtest.ID("gateway"), foreign)).Leaf},
		controls.MeshSPIFFE + " none": {ca.Leaf(t, "", func(c *x509.Certificate) { c.URIs = []*url.URL{} }).Leaf},
	}
	refusedBy := func(chain []*x509.Certificate) string {
		id, err := own.Verify(chain, x509.ExtKeyUsageClientAuth)
		var refusal *identity.Refusal
		if errors.As(err, &refusal) {
			return refusal.Control
		}
		require.NoError(t, err)
		require.Equal(t, "gateway", id.Service)
		return ""
	}
	for name, chain := range chains {
		require.Contains(t, name, refusedBy(chain))
	}
	t.Run("mtls", func(t *testing.T) {
		controlstest.Off(t, func() {
			require.Empty(t, refusedBy(chains[controls.MeshMTLS]))
			require.Empty(t, refusedBy(chains[controls.MeshMTLS+" CA"]))
			require.Equal(t, controls.MeshSPIFFE, refusedBy(chains[controls.MeshSPIFFE]))
		}, controls.MeshMTLS)
	})
	t.Run("spiffe", func(t *testing.T) {
		controlstest.Off(t, func() {
			require.Empty(t, refusedBy(chains[controls.MeshSPIFFE]))
			require.Empty(t, refusedBy(chains[controls.MeshSPIFFE+" two"]))
			require.Equal(t, controls.MeshSPIFFE, refusedBy(chains[controls.MeshSPIFFE+" none"]), "who names nobody is nobody")
			require.Equal(t, controls.MeshMTLS, refusedBy(chains[controls.MeshMTLS]))
		}, controls.MeshSPIFFE)
	})
}
