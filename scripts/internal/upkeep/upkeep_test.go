package upkeep_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/loadtest/report"
	"redoubt.example/scripts/internal/upkeep"
	"redoubt.example/services/platform/controls"
)

func TestWhatProfilesTake(t *testing.T) {
	c, err := upkeep.NewCounter("../../..")
	require.NoError(t, err)
	found := map[string]report.Profile{}
	for _, p := range controls.Profiles() {
		row := report.Profile{Name: p.Name}
		require.NoError(t, c.Fill(&row))
		found[p.Name] = row
		t.Logf("%-12s %+v %q %q %q", p.Name, *row.SecurityLines, row.PolicyPlaces, row.Audited, row.Redeploy)
	}
	require.Equal(t, &report.Lines{}, found["plaintext"].SecurityLines, "no control, no code")
	require.Empty(t, found["plaintext"].PolicyPlaces)
	require.Empty(t, found["plaintext"].Audited)

	edge := found["gateway-only"]
	require.Positive(t, edge.SecurityLines.Gateway)
	require.Zero(t, edge.SecurityLines.Service+edge.SecurityLines.Sidecar)
	require.Equal(t, []string{"gateway"}, edge.Audited)
	require.Equal(t, []string{"gateway"}, edge.Redeploy, "its routes are built in")

	mesh, library := found["mesh-only"].SecurityLines, found["library"].SecurityLines
	require.Positive(t, mesh.Sidecar)
	require.Zero(t, library.Sidecar, "no sidecars there")
	require.Greater(t, library.Service, mesh.Service, "what sidecars do is in each service")
	require.Contains(t, found["mesh-only"].PolicyPlaces, "Consul: intentions")
	require.NotContains(t, found["library"].PolicyPlaces, "Consul: intentions")

	layered := found["layered"]
	require.Equal(t, layered.SecurityLines.Gateway, edge.SecurityLines.Gateway, "the edge is the same in both")
	require.Subset(t, layered.PolicyPlaces, edge.PolicyPlaces)
	require.Greater(t, layered.SecurityLines.Service, mesh.Service)

	require.Error(t, c.Fill(&report.Profile{Name: "layred"}))
}

func TestNoSources(t *testing.T) {
	_, err := upkeep.NewCounter(t.TempDir())
	require.Error(t, err)
}
