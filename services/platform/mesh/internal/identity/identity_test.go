package identity_test

import (
	"crypto/x509"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/mesh/internal/identity"
	"redoubt.example/services/platform/mesh/internal/meshtest"
)

// What was verified once is asked again: only what is still good passes.
func TestVerifyAgain(t *testing.T) {
	ca := meshtest.NewCA(t)
	own := ca.Identity(t, "payments")
	end := time.Now().Add(2 * time.Second).Truncate(time.Second)
	leaf := []*x509.Certificate{ca.Leaf(t, "gateway", func(c *x509.Certificate) {
		c.NotAfter, c.ExtKeyUsage = end, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	}).Leaf}
	for range 3 {
		id, err := own.Verify(leaf, x509.ExtKeyUsageClientAuth)
		require.NoError(t, err)
		require.Equal(t, meshtest.ID("gateway"), id)
	}
	_, err := own.Verify(leaf, x509.ExtKeyUsageServerAuth)
	require.Error(t, err, "for another use")
	_, err = own.Verify([]*x509.Certificate{ca.Leaf(t, "gateway", func(c *x509.Certificate) { c.URIs = nil }).Leaf}, x509.ExtKeyUsageClientAuth)
	require.Error(t, err, "another certificate")
	rotated := &identity.Identity{ID: own.ID, Leaf: own.Leaf, Roots: meshtest.NewCA(t).Pool}
	_, err = rotated.Verify(leaf, x509.ExtKeyUsageClientAuth)
	require.Error(t, err, "under other roots")
	require.Eventually(t, func() bool { _, err := own.Verify(leaf, x509.ExtKeyUsageClientAuth); return err != nil },
		5*time.Second, 10*time.Millisecond, "after its end")
	require.False(t, time.Now().Before(end))
}
