package connect_test

import (
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/controls/controlstest"
	"redoubt.example/services/platform/mesh/internal/connect"
	"redoubt.example/services/platform/mesh/internal/meshtest"
	"redoubt.example/services/platform/mesh/spiffe"
)

// TestWithoutIntentions: whoever the mesh has authenticated comes in, though no intention is even known.
func TestWithoutIntentions(t *testing.T) {
	ca := filepath.Join(t.TempDir(), "ca.pem")
	leaf := meshtest.SelfSigned(t, "consul").Certificate[0]
	require.NoError(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf}), 0o600))
	c, err := connect.New(connect.Config{Service: "payments", CAFile: ca, HTTPAddr: "127.0.0.1:1", GRPCAddr: "127.0.0.1:1"})
	require.NoError(t, err)
	caller := spiffe.ID{TrustDomain: "a.consul", Datacenter: "dc1", Service: "notification"}
	require.ErrorContains(t, c.Authorize(caller), controls.MeshIntention)
	controlstest.Off(t, func() { require.NoError(t, c.Authorize(caller)) }, controls.MeshIntention)
}
