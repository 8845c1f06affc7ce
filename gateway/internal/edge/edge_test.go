package edge_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"redoubt.example/gateway/internal/edge"
	"redoubt.example/infra/topology"
	"redoubt.example/services/platform/telemetry"
)

func TestNewRefusesRoutesThatItCantServe(t *testing.T) {
	for name, route := range map[string]edge.Route{
		"no translation":         {Route: "POST /v1/x", Upstream: "inference", To: "/redoubt.inference.v1.InferenceService/Train", Scopes: []string{"x"}},
		"upstream has no method": {Route: "POST /v1/x", Upstream: "payments", To: "v1/x", Scopes: []string{"x"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := edge.New(edge.Config{Routes: []edge.Route{route}, Metrics: telemetry.NewMetrics("gateway"),
				RPC: map[string]echo.HandlerFunc{}, Upstream: func(string) http.RoundTripper { return nil }})
			require.ErrorContains(t, err, route.Route)
		})
	}
}

// TestEveryEdgeRouteIsGuarded walks topology.yaml: without a token, every route but the public ones answers 401;
// with one that has no scope, 403.
func TestEveryEdgeRouteIsGuarded(t *testing.T) {
	top, err := topology.Load()
	require.NoError(t, err)
	g := newGateway(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	noScope := g.Issuer.Token("mallory", "")
	for _, route := range top.Edge {
		if route.Public {
			require.Equal(t, http.StatusNoContent, g.sample(route.Route, "").StatusCode, route.Route)
			continue
		}
		require.Equal(t, http.StatusUnauthorized, g.sample(route.Route, "").StatusCode, route.Route)
		require.Equal(t, http.StatusForbidden, g.sample(route.Route, noScope).StatusCode, route.Route)
		if !strings.HasPrefix(route.To, "/") { // not gRPC
			token := g.Issuer.Token("alice", strings.Join(route.Scopes, " "))
			require.Equal(t, http.StatusNoContent, g.sample(route.Route, token).StatusCode, route.Route)
		}
	}
}
