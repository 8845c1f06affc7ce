package edge_test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"redoubt.example/gateway/internal/edge"
	"redoubt.example/gateway/internal/oidctest"
	"redoubt.example/services/platform/authn"
	"redoubt.example/services/platform/controls"
)

// unreachable fails the test when a request that had to be stopped at the edge gets inside.
func unreachable(t *testing.T) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s reached the upstream", r.Method, r.URL)
		w.WriteHeader(http.StatusTeapot)
	}
}

func TestRefusedTokensAreChallenged(t *testing.T) {
	g := newGateway(t, unreachable(t))
	key := g.Issuer.Key()
	public, err := json.Marshal(key.Public())
	require.NoError(t, err)
	spoilt := func(claim string, value any) string {
		c := g.Issuer.Claims("alice", "documents:read")
		c[claim] = value
		return g.Issuer.Sign(c)
	}
	smuggled, err := g.Minter.Mint(authn.Grant{Txn: "t", Subject: "alice", Scopes: []string{"documents:read"}, Entry: "GET /v1/documents", Requester: self})
	require.NoError(t, err)

	for name, tc := range map[string]struct{ token, control, code string }{
		"no token":                  {"", controls.EdgeToken, ""},
		"garbage":                   {"garbage", controls.EdgeSignature, "invalid_token"},
		"alg none":                  {"eyJhbGciOiJub25lIn0.e30.", controls.EdgeSignature, "invalid_token"},
		"HS256 with the public key": {oidctest.Sign(t, jose.SigningKey{Algorithm: jose.HS256, Key: jose.JSONWebKey{Key: public, KeyID: "key-1"}}, g.Issuer.Claims("alice", "documents:read"), nil), controls.EdgeSignature, "invalid_token"},
		"our own transaction token": {smuggled, controls.EdgeSignature, "invalid_token"},
		"wrong issuer":              {spoilt("iss", "https://issuer.invalid"), controls.EdgeIssuer, "invalid_token"},
		"wrong audience":            {spoilt("aud", "another-api"), controls.EdgeAudience, "invalid_token"},
		"expired":                   {spoilt("exp", time.Now().Add(-time.Hour).Unix()), controls.EdgeExpiry, "invalid_token"},
		"names no principal":        {spoilt("username", ""), controls.EdgeSubject, "invalid_token"},
	} {
		t.Run(name, func(t *testing.T) {
			r := g.do("GET", "/v1/documents", tc.token, "")
			require.Equal(t, http.StatusUnauthorized, r.StatusCode, r.Text)
			challenge := r.Header.Get("WWW-Authenticate")
			require.True(t, strings.HasPrefix(challenge, `Bearer realm="redoubt"`), challenge)
			if tc.code == "" {
				require.NotContains(t, challenge, "error")
			} else {
				require.Contains(t, challenge, `error="`+tc.code+`"`)
			}
			g.requireDecision(r, tc.control)
			if tc.token != "" {
				require.NotContains(t, g.log.String(), tc.token)
			}
		})
	}
}

func TestAuthorizationHeaderShapes(t *testing.T) {
	g := newGateway(t, unreachable(t))
	good := g.Issuer.Token("alice", "documents:read")
	for name, values := range map[string][]string{
		"other scheme": {"Basic " + good},
		"no scheme":    {good},
		"no token":     {"Bearer"},
		"two headers":  {"Bearer " + good, "Bearer " + good},
	} {
		t.Run(name, func(t *testing.T) {
			var header []string
			for _, v := range values {
				header = append(header, "Authorization", v)
			}
			r := g.do("GET", "/v1/documents", "", "", header...)
			require.Equal(t, http.StatusUnauthorized, r.StatusCode)
			g.requireDecision(r, controls.EdgeToken)
		})
	}
	t.Run("in the query", func(t *testing.T) {
		require.Equal(t, http.StatusUnauthorized, g.do("GET", "/v1/documents?access_token="+good, "", "").StatusCode)
	})
}

func TestScopeOfAnotherRouteIsNotEnough(t *testing.T) {
	g := newGateway(t, unreachable(t))
	r := g.do("POST", "/v1/transfers", g.Issuer.Token("alice", "documents:write account:read"), `{}`)
	require.Equal(t, http.StatusForbidden, r.StatusCode)
	require.Contains(t, r.Header.Get("WWW-Authenticate"), `error="insufficient_scope", scope="payments:credit"`)
	g.requireDecision(r, controls.EdgeScope)
}

func TestUnknownRoutes(t *testing.T) {
	g := newGateway(t, unreachable(t))
	token := g.Issuer.Token("alice", "documents:read documents:write account:read payments:refund")
	for name, tc := range map[string]struct {
		method, path string
		status       int
	}{
		"nothing there":              {"GET", "/", 404},
		"a service's inner route":    {"POST", "/v1/authorizations", 404},
		"another service's":          {"GET", "/v1/models/langid", 404},
		"keys are for inside":        {"GET", "/v1/transaction-keys", 404},
		"metrics":                    {"GET", "/metrics", 404},
		"wrong method":               {"PUT", "/v1/documents", 405},
		"custom method unescaped":    {"POST", "/v1/documentsXbatch", 404},
		"trailing slash":             {"GET", "/v1/documents/", 404},
		"double slash":               {"GET", "/v1//documents", 404},
		"encoded slash":              {"GET", "/v1/documents/a%2Fb", 404},
		"encoded dots":               {"GET", "/v1/documents/%2e%2e", 404},
		"needless encoding":          {"GET", "/v1/%64ocuments/a", 404},
		"dot segment":                {"GET", "/v1/documents/..", 404},
		"parameter with a space":     {"GET", "/v1/documents/a%20b", 404},
		"parameter far too long":     {"GET", "/v1/documents/" + strings.Repeat("a", 200), 404},
		"parameter with a semicolon": {"GET", "/v1/documents/a;b", 404},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequest(tc.method, g.URL, nil)
			require.NoError(t, err)
			req.URL.Opaque = tc.path // as written, not cleaned
			req.Header.Set("Authorization", "Bearer "+token)
			r := g.send(req)
			require.Equal(t, tc.status, r.StatusCode, r.Text)
			control := controls.EdgeRoutes
			if strings.ContainsAny(tc.path, "%;") || strings.Contains(tc.path, "//") || strings.Contains(tc.path, "/..") {
				control = controls.EdgeShape // no path is spelt like that
			}
			g.requireDecision(r, control)
		})
	}
	require.Contains(t, g.do("PUT", "/v1/documents", token, "").Header.Get("Allow"), "POST")
}

func TestOversizedBodies(t *testing.T) {
	g := newGateway(t, unreachable(t))
	token := g.Issuer.Token("alice", "documents:write")
	over := bytes.Repeat([]byte("a"), edge.MaxBody+1)
	for name, body := range map[string]io.Reader{
		"announced":   bytes.NewReader(over),
		"unannounced": struct{ io.Reader }{bytes.NewReader(over)},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequest("POST", g.URL+"/v1/documents", body)
			require.NoError(t, err)
			req.Header.Set("Authorization", "Bearer "+token)
			r := g.send(req)
			require.Equal(t, http.StatusRequestEntityTooLarge, r.StatusCode)
			g.requireDecision(r, controls.EdgeBodyLimit)
		})
	}
}

func TestOversizedHeadersAndQueries(t *testing.T) {
	g := newGateway(t, unreachable(t))
	token := g.Issuer.Token("alice", "documents:read")
	require.Equal(t, http.StatusBadRequest, g.do("GET", "/v1/documents?cursor="+strings.Repeat("a", 3<<10), token, "").StatusCode)
	require.Equal(t, http.StatusBadRequest, g.do("GET", "/v1/documents?cursor=%zz", token, "").StatusCode)
	req, err := http.NewRequest("GET", g.URL+"/v1/documents", nil)
	require.NoError(t, err)
	req.Header.Set("Accept", strings.Repeat("a", 64<<10))
	resp, err := g.Client.Do(req)
	if err == nil { // HTTP/2 may also refuse by ending the stream
		resp.Body.Close()
		require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, resp.StatusCode)
	}
}

func TestTLSBelow13IsRefusedAndRecorded(t *testing.T) {
	g := newGateway(t, unreachable(t))
	_, err := tls.Dial("tcp", strings.TrimPrefix(g.URL, "https://"), &tls.Config{
		RootCAs: g.Client.Transport.(*http.Transport).TLSClientConfig.RootCAs, MaxVersion: tls.VersionTLS12})
	require.ErrorContains(t, err, "protocol version")
	require.Eventually(t, func() bool {
		for _, record := range g.log.records(t) {
			if record["control"] == controls.EdgeTLS && record["peer"] != "" {
				return true
			}
		}
		return false
	}, 5*time.Second, time.Millisecond)
}
