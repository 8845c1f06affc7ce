package policy_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/infra/topology"
	"redoubt.example/services/platform/policy"
)

// TestRenderedDataIsOurs: who runs OPA elsewhere with infra/topology/rendered/policy-data.json gets the same decisions.
func TestRenderedDataIsOurs(t *testing.T) {
	text, err := os.ReadFile("../../../infra/topology/rendered/policy-data.json")
	require.NoError(t, err)
	var rendered map[string]policy.Routes
	require.NoError(t, json.Unmarshal(text, &rendered))
	top, err := topology.Load()
	require.NoError(t, err)
	require.Len(t, rendered, len(top.Services))
	for name := range top.Services {
		routes, err := policy.RoutesOf(name, top)
		require.NoError(t, err)
		require.Equal(t, routes, rendered[name], name)
	}
}
