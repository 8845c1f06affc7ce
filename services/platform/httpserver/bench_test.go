package httpserver_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/infra/topology"
	"redoubt.example/services/platform/authn"
	"redoubt.example/services/platform/boundarytest"
	"redoubt.example/services/platform/httpserver"
)

// BenchmarkRequest is one request over a kept connection to the app's socket. GET /v1/keys needs no principal;
// the other route's token comes from the verifier's cache, as it does at a service that is called twice.
func BenchmarkRequest(b *testing.B) {
	top, err := topology.Parse([]byte(things))
	require.NoError(b, err)
	h := boundarytest.New(b, "payments", top)
	s, err := httpserver.New(h.Config, routes(nil)...)
	require.NoError(b, err)
	h.Serve(s.Serve)
	client := h.HTTP("gateway")
	for _, path := range []string{"/v1/keys", "/v1/things/7"} {
		b.Run(path[len("/v1/"):], func(b *testing.B) {
			b.ReportAllocs()
			token := h.Token("alice", "things:read")
			for i := 0; b.Loop(); i++ {
				if i%5000 == 4999 { // a token lives 15 seconds
					token = h.Token("alice", "things:read")
				}
				r, err := http.NewRequestWithContext(b.Context(), "GET", "http://payments"+path, nil)
				require.NoError(b, err)
				r.Header.Set(authn.Header, token)
				resp, err := client.Do(r)
				require.NoError(b, err)
				_, _ = io.Copy(io.Discard, resp.Body)
				require.NoError(b, resp.Body.Close())
				require.Equal(b, http.StatusOK, resp.StatusCode)
			}
		})
	}
}
