package edge_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/apikey"
	"redoubt.example/services/platform/controls"
)

func TestAPIKey(t *testing.T) {
	pepper := []byte("pepper")
	keys := apikey.NewSet(func(context.Context, int) ([]byte, error) { return pepper, nil })
	r := apikey.Record{Principal: "alice", Scopes: []string{"documents:read"}, Expires: time.Now().Add(time.Hour)}
	key := apikey.New(&r, pepper, 1).Reveal()
	require.NoError(t, keys.Update(t.Context(), []apikey.Record{r}))
	var seen string
	g := newGatewayWith(t, keys, func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header.Get("Authorization")
		w.WriteHeader(http.StatusOK)
	})

	ask := func(path, credential string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, g.URL+path, nil)
		require.NoError(t, err)
		req.Header.Set("Authorization", credential)
		resp, err := g.Client.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		if resp.StatusCode == http.StatusUnauthorized {
			require.NotEmpty(t, resp.Header.Get("WWW-Authenticate"))
		}
		return resp.StatusCode
	}
	require.Equal(t, http.StatusServiceUnavailable, ask("/v1/documents", "ApiKey "+key), "not confirmed by Consul: closed")
	keys.Confirm()
	require.Equal(t, http.StatusUnauthorized, ask("/v1/documents", "ApiKey "+key+"x"))
	require.Contains(t, g.log.String(), `"control":"`+controls.EdgeAPIKey+`"`)
	require.Equal(t, http.StatusUnauthorized, ask("/v1/documents", "Bearer "+key), "it is no access token")
	require.Equal(t, http.StatusForbidden, ask("/v1/account", "ApiKey "+key), "a scope that it hasn't")
	require.Equal(t, http.StatusOK, ask("/v1/documents", "ApiKey "+key))
	require.Empty(t, seen, "it stays at the edge")
	require.NoError(t, keys.Update(t.Context(), nil))
	require.Equal(t, http.StatusUnauthorized, ask("/v1/documents", "ApiKey "+key), "revoked")
	require.NotContains(t, g.log.String(), key)
}
