package edge_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/controls"
)

func TestRetiredIsGone(t *testing.T) {
	g := newGateway(t, unreachable(t))
	for _, request := range []string{"GET /v0/documents", "POST /v0/documents", "DELETE /v0/a/b", "OPTIONS /v0/documents", "GET /v0/"} {
		method, path, _ := strings.Cut(request, " ")
		r := g.do(method, path, "", "")
		require.Equal(t, http.StatusGone, r.StatusCode, request)
		require.Equal(t, "tag:redoubt.example,2026:problem/gone", r.Problem.Type)
		require.Contains(t, r.Problem.Detail, "version 1")
		require.Equal(t, `</v1>; rel="successor-version"`, r.Header.Get("Link"))
		require.Equal(t, "/v0/*", g.requireDecision(r, controls.EdgeLifecycle)["retired_path"])
	}
	require.Equal(t, http.StatusNotFound, g.do("GET", "/v0", "", "").StatusCode, "never was anything")
	require.Equal(t, http.StatusNotFound, g.do("GET", "/v00/documents", "", "").StatusCode)
}

// TestDeprecatedSaysSo: RFC 9745 and RFC 8594, on every answer of the route, and on no other's.
func TestDeprecatedSaysSo(t *testing.T) {
	asked := make(chan string, 2)
	g := newGateway(t, func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Path
		w.Header().Set("Link", `</v1/account/transfers>; rel="related"`)
		w.Header().Set("Vary", "Accept-Language")
		w.Header().Set("Deprecation", "@1")
		w.WriteHeader(http.StatusNoContent)
	})
	token := g.Issuer.Token("alice", "account:read")
	for name, token := range map[string]string{"served": token, "refused": ""} {
		r := g.do("GET", "/v1/balance", token, "")
		seconds, err := strconv.ParseInt(strings.TrimPrefix(r.Header.Get("Deprecation"), "@"), 10, 64)
		require.NoError(t, err, "a structured field's date")
		require.Equal(t, "2026-09-01", time.Unix(seconds, 0).UTC().Format(time.DateOnly), name)
		sunset, err := http.ParseTime(r.Header.Get("Sunset"))
		require.NoError(t, err, "an HTTP date")
		require.Equal(t, "2027-03-01", sunset.Format(time.DateOnly))
		links := strings.Join(r.Header.Values("Link"), ", ")
		require.Contains(t, links, `</docs#getBalance>; rel="deprecation"; type="text/html"`)
		require.Contains(t, links, `rel="sunset"`)
		require.Contains(t, links, `</v1/account>; rel="successor-version"`)
		if token != "" {
			require.Equal(t, "/v1/account", <-asked, "it still works")
			require.Contains(t, links, `rel="related"`, "the service's own link")
			require.Contains(t, r.Header.Values("Vary"), "Accept-Language")
			require.Contains(t, r.Header.Values("Vary"), "Origin", "ours too")
		}
	}
	require.Empty(t, g.do("GET", "/v1/account", "", "").Header.Get("Deprecation"))
	require.Contains(t, g.do("GET", "/docs", "", "").Text, `id="getBalance"`, "the link leads somewhere")
}
