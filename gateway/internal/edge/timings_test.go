package edge_test

import (
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/authn"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/servertiming"
)

// inside is what an upstream says of its time, asked or not: in its header and in its trailer.
const inside = `hop;dur=0.0011;desc="payments POST /v1/documents";in=0, app.policy;dur=0.0001;in=0`

func saysTimes(scopes chan<- []string, g **gateway) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		verifier := authn.NewVerifier(func(context.Context) ([]byte, error) { return (*g).Minter.PublicKeys() })
		txn, err := verifier.Verify(r.Context(), r.Header.Get(authn.Header), trustDomain)
		if err == nil {
			scopes <- txn.Scopes
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Trailer", servertiming.Field)
		if r.Method == http.MethodGet {
			w.Header().Set(servertiming.Field, "header;dur=1")
		}
		w.WriteHeader(http.StatusOK)
		_, _ = io.WriteString(w, "{}")
		w.Header().Set(servertiming.Field, inside)
	}
}

// TestNoTimingsWithoutTheScope: not for asking, not for sending some, and not when an upstream tells without being asked.
func TestNoTimingsWithoutTheScope(t *testing.T) {
	scopes := make(chan []string, 1)
	var g *gateway
	g = newGateway(t, saysTimes(scopes, &g))
	token := g.Issuer.Token("alice", "documents:write documents:read")
	for name, c := range map[string]struct {
		header []string
		noted  bool
	}{
		"nothing asked":        {nil, false},
		"asked":                {[]string{"Prefer", "return=minimal, server-timing"}, true},
		"asked in other words": {[]string{"Te", "trailers", "Prefer", "Server-Timing;x=y"}, true},
		"some sent":            {[]string{servertiming.Field, inside, "X-Scopes", "bench"}, false},
	} {
		for _, method := range []string{"POST", "GET"} {
			body := ""
			if method == "POST" {
				body = `{"title":"t","text":"x"}`
			}
			r := g.do(method, "/v1/documents", token, body, c.header...)
			require.Equal(t, http.StatusOK, r.StatusCode, r.Text)
			require.Empty(t, r.Header.Values(servertiming.Field), name)
			require.Empty(t, r.Trailer, name)
			require.NotContains(t, <-scopes, servertiming.Scope)
			if c.noted {
				g.requireDecision(r, controls.EdgeTimings)
			}
		}
	}
	forged := g.Issuer.Token("alice", "documents:write bench")
	r := g.do("POST", "/v1/documents", forged[:len(forged)-8]+"AAAAAAAA", `{"title":"t","text":"x"}`, "Prefer", "server-timing")
	require.Equal(t, http.StatusUnauthorized, r.StatusCode)
	require.Empty(t, r.Trailer)
	r = g.do("GET", "/v1/documents", g.Issuer.Token("alice", "bench"), "")
	require.Equal(t, http.StatusForbidden, r.StatusCode, "it opens no route")
	require.Empty(t, r.Trailer)
}

func TestTimings(t *testing.T) {
	for _, version := range []string{"HTTP/2", "HTTP/1.1"} {
		t.Run(version, func(t *testing.T) {
			scopes := make(chan []string, 1)
			var g *gateway
			g = newGateway(t, saysTimes(scopes, &g))
			if version == "HTTP/1.1" {
				g.http1()
			}
			r := g.do("POST", "/v1/documents", g.Issuer.Token("dave", "documents:write bench inbox:read"), `{"title":"t","text":"x"}`)
			require.Equal(t, http.StatusOK, r.StatusCode, r.Text)
			require.Equal(t, []string{"documents:write", "bench"}, <-scopes, "narrowed to the route, and kept")
			require.Empty(t, r.Header.Values(servertiming.Field))
			hop, err := servertiming.Parse(r.Trailer.Get(servertiming.Field))
			require.NoError(t, err, "%v", r.Trailer)
			require.Equal(t, []string{"gateway", "POST /v1/documents"}, []string{hop.Service, hop.Route})
			parts := map[string]bool{}
			for _, p := range hop.Parts {
				parts[p.Name] = true
			}
			for _, id := range []string{controls.EdgeSignature, controls.EdgeScope, controls.EdgeSchema, controls.EdgeShape, controls.Mint,
				controls.Breaker, controls.Application, controls.Telemetry, controls.Bookkeeping} {
				require.True(t, parts[id], "%s in %v", id, parts)
			}
			require.Len(t, hop.Calls, 1)
			require.Equal(t, "ingestion", hop.Calls[0].Service)
			require.NotNil(t, hop.Calls[0].Hop)
			require.Equal(t, "ingestion", hop.Calls[0].Hop.Service, "whom we called, whatever it calls itself")
			require.Equal(t, []servertiming.Part{{Name: "app.policy", Count: 1, Time: 100}}, hop.Calls[0].Hop.Parts)
		})
	}
}
