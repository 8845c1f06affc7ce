package edge_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/gateway/internal/cors"
	"redoubt.example/gateway/internal/edge"
	"redoubt.example/services/platform/controls"
)

const app = "https://app.example.com"

func listed(t *testing.T) func(*edge.Config) {
	policy, err := cors.New([]string{app})
	require.NoError(t, err)
	return func(c *edge.Config) { c.CORS = policy }
}

func TestOtherOriginsAreRefused(t *testing.T) {
	for name, changes := range map[string][]func(*edge.Config){"none is listed": nil, "another is listed": {listed(t)}} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, unreachable(t), changes...)
			token := g.Issuer.Token("alice", "documents:read")
			for _, origin := range []string{"null", "https://evil.example.com", "http://app.example.com", app + ".evil.example"} {
				for _, r := range []reply{
					g.do("GET", "/v1/documents", token, "", "Origin", origin),
					g.do("OPTIONS", "/v1/documents", "", "", "Origin", origin, "Access-Control-Request-Method", "GET"),
					g.do("GET", "/v1/nothing", token, "", "Origin", origin),
				} {
					require.Equal(t, http.StatusForbidden, r.StatusCode, origin)
					require.Empty(t, r.Header.Get("Access-Control-Allow-Origin"))
					require.Contains(t, r.Header.Values("Vary"), "Origin")
					g.requireDecision(r, controls.EdgeCORS)
				}
			}
		})
	}
}

func TestListedOriginMayUseTheAPI(t *testing.T) {
	g := newGateway(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) }, listed(t))
	r := g.do("OPTIONS", "/v1/documents", "", "", "Origin", app, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization")
	require.Equal(t, http.StatusNoContent, r.StatusCode, r.Text)
	require.Equal(t, app, r.Header.Get("Access-Control-Allow-Origin"))
	require.Contains(t, r.Header.Get("Access-Control-Allow-Methods"), "POST")
	require.NotContains(t, r.Header.Get("Access-Control-Allow-Methods"), "DELETE", "the path has none")
	require.Contains(t, r.Header.Get("Access-Control-Allow-Headers"), "Authorization")

	r = g.do("GET", "/v1/documents", g.Issuer.Token("alice", "documents:read"), "", "Origin", app)
	require.Equal(t, http.StatusNoContent, r.StatusCode)
	require.Equal(t, app, r.Header.Get("Access-Control-Allow-Origin"))
	require.Contains(t, r.Header.Get("Access-Control-Expose-Headers"), "X-Request-Id")
	for _, answer := range []reply{r, g.do("GET", "/v1/documents", "", "", "Origin", app), g.do("OPTIONS", "/v1/nothing", "", "", "Origin", app, "Access-Control-Request-Method", "GET")} {
		require.Equal(t, app, answer.Header.Get("Access-Control-Allow-Origin"), "the page may read the refusal, too")
		require.Empty(t, answer.Header.Get("Access-Control-Allow-Credentials"))
		require.Contains(t, answer.Header.Values("Vary"), "Origin")
	}
}

func TestOptionsWithoutAnOrigin(t *testing.T) {
	g := newGateway(t, unreachable(t))
	r := g.do("OPTIONS", "/v1/documents", "", "")
	require.Equal(t, http.StatusNoContent, r.StatusCode, r.Text)
	require.Contains(t, r.Header.Get("Allow"), "POST")
	require.Equal(t, http.StatusNotFound, g.do("OPTIONS", "/v1/nothing", "", "").StatusCode)
}
