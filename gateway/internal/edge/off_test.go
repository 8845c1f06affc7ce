package edge_test

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/gateway/internal/edge"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/controls/controlstest"
)

// TestOff is what each control stops: the same requests, with it and without it. The tests of the controls
// themselves show that they are on by default.
func TestOff(t *testing.T) {
	me := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Method+" "+r.URL.EscapedPath()+" "+r.Header.Get("Txn-Token"))
	}
	subject := func(g *gateway, r reply) string {
		t.Helper()
		require.Equal(t, http.StatusOK, r.StatusCode, r.Text)
		text, err := base64.RawURLEncoding.DecodeString(strings.Split(r.Text, ".")[1])
		require.NoError(t, err)
		var claims struct{ Sub string }
		require.NoError(t, json.Unmarshal(text, &claims))
		return claims.Sub
	}
	mine := []string{"X-Principal", "mallory", "X-Scopes", "documents:read"}

	for id, attack := range map[string]struct {
		with, without func(t *testing.T, g *gateway)
	}{
		controls.EdgeToken: {
			func(t *testing.T, g *gateway) {
				g.requireDecision(g.do("GET", "/v1/documents", "", "", mine...), controls.EdgeToken)
			},
			func(t *testing.T, g *gateway) {
				require.Equal(t, "mallory", subject(g, g.do("GET", "/v1/documents", "", "", mine...)))
				require.Equal(t, "alice", subject(g, g.do("GET", "/v1/documents", g.Issuer.Token("alice", "documents:read"), "", mine...)))
				g.requireDecision(g.do("GET", "/v1/documents", "garbage", "", mine...), controls.EdgeSignature)
			},
		},
		controls.EdgeAPIKey: {
			func(t *testing.T, g *gateway) {
				g.requireDecision(g.do("GET", "/v1/documents", "", "", append(mine, "Authorization", "ApiKey rdk_x")...), controls.EdgeAPIKey)
			},
			func(t *testing.T, g *gateway) {
				require.Equal(t, "mallory", subject(g, g.do("GET", "/v1/documents", "", "", append(mine, "Authorization", "ApiKey rdk_x")...)))
				g.requireDecision(g.do("GET", "/v1/documents", "", "", mine...), controls.EdgeToken)
			},
		},
		controls.EdgeScope: {
			func(t *testing.T, g *gateway) {
				g.requireDecision(g.do("GET", "/v1/documents", g.Issuer.Token("alice", "inbox:read"), ""), controls.EdgeScope)
			},
			func(t *testing.T, g *gateway) {
				require.Equal(t, "alice", subject(g, g.do("GET", "/v1/documents", g.Issuer.Token("alice", "inbox:read"), "")))
			},
		},
		controls.EdgeHeaders: {
			func(t *testing.T, g *gateway) {
				r := g.do("GET", "/v1/documents", g.Issuer.Token("alice", "documents:read"), "", "Txn-Token", "forged")
				g.requireDecision(r, controls.EdgeHeaders)
				require.Equal(t, "alice", subject(g, r))
			},
			func(t *testing.T, g *gateway) {
				r := g.do("GET", "/v1/documents", g.Issuer.Token("alice", "documents:read"), "", "Txn-Token", "forged")
				require.Equal(t, "GET /v1/documents forged", r.Text)
				require.Equal(t, "alice", subject(g, g.do("GET", "/v1/documents", g.Issuer.Token("alice", "documents:read"), "")))
			},
		},
		controls.EdgeBodyLimit: {
			func(t *testing.T, g *gateway) {
				g.requireDecision(g.do("POST", "/v1/documents", g.Issuer.Token("alice", "documents:write"), strings.Repeat(" ", edge.MaxBody)+draft), controls.EdgeBodyLimit)
			},
			func(t *testing.T, g *gateway) {
				r := g.do("POST", "/v1/documents", g.Issuer.Token("alice", "documents:write"), strings.Repeat(" ", edge.MaxBody)+draft)
				require.Equal(t, http.StatusOK, r.StatusCode, r.Text)
			},
		},
		controls.EdgeRoutes: {
			func(t *testing.T, g *gateway) {
				token := g.Issuer.Token("alice", "documents:read")
				g.requireDecision(g.do("POST", "/payments/v1/authorizations", token, "{}"), controls.EdgeRoutes)
				g.requireDecision(g.do("GET", "/v1/documents/-b", token, ""), controls.EdgeRoutes)
			},
			func(t *testing.T, g *gateway) {
				token := g.Issuer.Token("alice", "documents:read")
				r := g.do("POST", "/payments/v1/authorizations", token, "{}")
				require.Equal(t, "alice", subject(g, r))
				require.True(t, strings.HasPrefix(r.Text, "POST /v1/authorizations "), r.Text)
				g.requireDecision(g.do("GET", "/v1/documents/-b", token, ""), controls.EdgeSchema) // the next to know better
				require.Equal(t, http.StatusNotFound, g.do("GET", "/vault/v1/sys", token, "").StatusCode)
				require.Equal(t, http.StatusUnauthorized, g.do("POST", "/payments/v1/authorizations", "", "{}").StatusCode)
			},
		},
		controls.EdgeShape: {
			func(t *testing.T, g *gateway) {
				g.requireDecision(g.do("GET", "/v1/documents/a%2Fb", g.Issuer.Token("alice", "documents:read"), ""), controls.EdgeShape)
			},
			func(t *testing.T, g *gateway) { // the next to know better
				g.requireDecision(g.do("GET", "/v1/documents/a%2Fb", g.Issuer.Token("alice", "documents:read"), ""), controls.EdgeRoutes)
			},
		},
		controls.EdgeDecompression: {
			func(t *testing.T, g *gateway) {
				r := g.do("POST", "/v1/documents", g.Issuer.Token("alice", "documents:write"), `{"title":"t","text":"x"}`, "Content-Encoding", "gzip")
				g.requireDecision(r, controls.EdgeDecompression)
			},
			func(t *testing.T, g *gateway) {
				r := g.do("POST", "/v1/documents", g.Issuer.Token("alice", "documents:write"), `{"title":"t","text":"x"}`, "Content-Encoding", "gzip")
				require.Equal(t, http.StatusOK, r.StatusCode, r.Text)
			},
		},
		controls.EdgeSchema: {
			func(t *testing.T, g *gateway) {
				g.requireDecision(g.do("POST", "/v1/documents", g.Issuer.Token("alice", "documents:write"), `{"owner":"bob"}`), controls.EdgeSchema)
			},
			func(t *testing.T, g *gateway) {
				r := g.do("POST", "/v1/documents", g.Issuer.Token("alice", "documents:write"), `{"owner":"bob"}`)
				require.Equal(t, http.StatusOK, r.StatusCode, r.Text)
			},
		},
		controls.EdgeCORS: {
			func(t *testing.T, g *gateway) {
				g.requireDecision(g.do("GET", "/docs", "", "", "Origin", "https://evil.example.com"), controls.EdgeCORS)
			},
			func(t *testing.T, g *gateway) {
				r := g.do("GET", "/docs", "", "", "Origin", "https://evil.example.com")
				require.Equal(t, "https://evil.example.com", r.Header.Get("Access-Control-Allow-Origin"))
			},
		},
		controls.EdgeLifecycle: {
			func(t *testing.T, g *gateway) {
				g.requireDecision(g.do("GET", "/v0/documents", g.Issuer.Token("alice", "documents:read"), ""), controls.EdgeLifecycle)
			},
			func(t *testing.T, g *gateway) {
				r := g.do("GET", "/v0/documents", g.Issuer.Token("alice", "documents:read"), "")
				require.Equal(t, "alice", subject(g, r))
				require.True(t, strings.HasPrefix(r.Text, "GET /v1/documents "), r.Text)
				require.Equal(t, http.StatusUnauthorized, g.do("GET", "/v0/documents", "", "").StatusCode)
			},
		},
		controls.EdgeTLS: {
			func(t *testing.T, g *gateway) {
				_, err := tls.Dial("tcp", strings.TrimPrefix(g.URL, "https://"), old(g))
				require.Error(t, err)
			},
			func(t *testing.T, g *gateway) {
				c, err := tls.Dial("tcp", strings.TrimPrefix(g.URL, "https://"), old(g))
				require.NoError(t, err)
				require.NoError(t, c.Close())
			},
		},
	} {
		t.Run(id, func(t *testing.T) { attack.with(t, newGateway(t, me)) })
		t.Run(id+" off", func(t *testing.T) {
			controlstest.Off(t, func() { attack.without(t, newGateway(t, me)) }, id)
		})
	}
}

// old is a client of before TLS 1.3.
func old(g *gateway) *tls.Config {
	return &tls.Config{RootCAs: g.Client.Transport.(*http.Transport).TLSClientConfig.RootCAs, MaxVersion: tls.VersionTLS12}
}
