package httpapi_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/payments/internal/httpapi"
	"redoubt.example/services/payments/internal/ledger"
	"redoubt.example/services/platform/boundarytest"
	"redoubt.example/services/platform/httpserver"
)

// TestNoShadowAPI: the router has exactly the routes of topology.yaml, and one more, or one less, is an error before
// anything is served.
func TestNoShadowAPI(t *testing.T) {
	config := boundarytest.New(t, "payments", nil).Config
	routes := httpapi.Routes(nil, ledger.References{})
	_, err := httpserver.New(config, append(routes, httpserver.Route{Route: "GET /v1/debug"})...)
	require.ErrorContains(t, err, "topology.yaml lists no route \"GET /v1/debug\"")
	_, err = httpserver.New(config, routes[1:]...)
	require.ErrorContains(t, err, "has no handler")
	_, err = httpserver.New(config, routes...)
	require.NoError(t, err)
}
