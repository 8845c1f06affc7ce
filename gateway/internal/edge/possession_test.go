package edge_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/gateway/internal/dpop"
	"redoubt.example/gateway/internal/dpoptest"
	"redoubt.example/gateway/internal/edge"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/controls/controlstest"
)

const origin = "https://api.example"

func proving(t *testing.T, required, nonce bool) func(*edge.Config) {
	v, err := dpop.New(dpop.Config{Origins: []string{origin}, Nonce: nonce})
	require.NoError(t, err)
	return func(cfg *edge.Config) { cfg.DPoP = edge.DPoP{Verifier: v, Required: required} }
}

// bound is an access token that is good only with a proof by the client's key.
func bound(g *gateway, c *dpoptest.Client) string {
	claims := g.Issuer.Claims("alice", "documents:read")
	claims["cnf"] = map[string]any{"jkt": c.Thumbprint}
	return g.Issuer.Sign(claims)
}

// with sends the token under a scheme, with proofs.
func (g *gateway) with(scheme, token string, proofs ...string) reply {
	header := []string{"Authorization", scheme + " " + token}
	for _, p := range proofs {
		header = append(header, "DPoP", p)
	}
	return g.do("GET", "/v1/documents", "", "", header...)
}

func TestStolenTokenIsOfNoUse(t *testing.T) {
	g := newGateway(t, unreachable(t), proving(t, false, false))
	me, thief := dpoptest.New(t), dpoptest.New(t)
	token := bound(g, me)
	uri := origin + "/v1/documents"
	for name, r := range map[string]reply{
		"as a bearer token":       g.with("Bearer", token),
		"bearer, with a proof":    g.with("Bearer", token, me.Proof("GET", uri, token)),
		"without a proof":         g.with("DPoP", token),
		"with the thief's proof":  g.with("DPoP", token, thief.Proof("GET", uri, token)),
		"for another route":       g.with("DPoP", token, me.Proof("GET", origin+"/v1/account", token)),
		"for another method":      g.with("DPoP", token, me.Proof("POST", uri, token)),
		"made for another server": g.with("DPoP", token, me.Proof("GET", strings.Replace(g.URL, "127.0.0.1", "evil.example", 1)+"/v1/documents", token)),
		"for the Host it names":   g.with("DPoP", token, me.Proof("GET", g.URL+"/v1/documents", token)),
		"for another token":       g.with("DPoP", token, me.Proof("GET", uri, "another")),
		"a token that isn't bound": g.with("DPoP", g.Issuer.Token("alice", "documents:read"),
			me.Proof("GET", uri, g.Issuer.Token("alice", "documents:read"))),
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, http.StatusUnauthorized, r.StatusCode, r.Text)
			require.Contains(t, r.Header.Get("WWW-Authenticate"), `DPoP realm="redoubt", algs="ES256`)
			require.Contains(t, r.Header.Get("WWW-Authenticate"), "error=")
			g.requireDecision(r, controls.EdgeDPoP)
		})
	}
	require.NotContains(t, g.log.String(), token)
}

func TestProofLetsPassOnce(t *testing.T) {
	var seen http.Header
	g := newGateway(t, func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header
		w.WriteHeader(http.StatusNoContent)
	}, proving(t, false, false))
	me := dpoptest.New(t)
	token := bound(g, me)
	proof := me.Proof("GET", origin+"/v1/documents", token)
	require.Equal(t, http.StatusNoContent, g.with("DPoP", token, proof).StatusCode)
	require.Empty(t, seen.Values("DPoP"), "it stays at the edge")
	r := g.with("DPoP", token, proof)
	require.Equal(t, http.StatusUnauthorized, r.StatusCode, "sent again")
	require.Equal(t, "the DPoP proof was used before", g.requireDecision(r, controls.EdgeDPoP)["reason"])
	require.Equal(t, http.StatusNoContent, g.with("dpop", token, me.Proof("GET", origin+"/v1/documents", token)).StatusCode)
	require.Equal(t, http.StatusNoContent, g.with("Bearer", g.Issuer.Token("alice", "documents:read")).StatusCode, "bearer tokens go on")
}

func TestProofRequired(t *testing.T) {
	g := newGateway(t, fine, proving(t, true, false))
	r := g.with("Bearer", g.Issuer.Token("alice", "documents:read"))
	require.Equal(t, http.StatusUnauthorized, r.StatusCode)
	g.requireDecision(r, controls.EdgeDPoP)
	me := dpoptest.New(t)
	token := bound(g, me)
	require.Equal(t, http.StatusNoContent, g.with("DPoP", token, me.Proof("GET", origin+"/v1/documents", token)).StatusCode)
	require.NotEqual(t, http.StatusUnauthorized, g.do("POST", "/v1/webhooks/source", "", "{}").StatusCode, "a public route has no token")
}

func TestNonce(t *testing.T) {
	g := newGateway(t, fine, proving(t, false, true))
	me := dpoptest.New(t)
	token := bound(g, me)
	claims := dpoptest.Claims("GET", origin+"/v1/documents", token)
	r := g.with("DPoP", token, me.Sign(claims))
	require.Equal(t, http.StatusUnauthorized, r.StatusCode)
	require.Contains(t, r.Header.Get("WWW-Authenticate"), `error="use_dpop_nonce"`)
	claims["nonce"] = r.Header.Get("DPoP-Nonce")
	require.NotEmpty(t, claims["nonce"])
	r = g.with("DPoP", token, me.Sign(claims))
	require.Equal(t, http.StatusNoContent, r.StatusCode)
	require.NotEmpty(t, r.Header.Get("DPoP-Nonce"))
}

func TestProofsNotUnderstood(t *testing.T) {
	g := newGateway(t, fine)
	me := dpoptest.New(t)
	token := bound(g, me)
	r := g.with("DPoP", token, me.Proof("GET", origin+"/v1/documents", token))
	require.Equal(t, http.StatusUnauthorized, r.StatusCode)
	g.requireDecision(r, controls.EdgeDPoP)
	require.Equal(t, http.StatusNoContent, g.with("Bearer", token).StatusCode)
}

func TestProofOff(t *testing.T) {
	controlstest.Off(t, func() {
		g := newGateway(t, fine, proving(t, true, false))
		require.Equal(t, http.StatusNoContent, g.with("Bearer", bound(g, dpoptest.New(t))).StatusCode)
		require.Equal(t, http.StatusNoContent, g.with("DPoP", bound(g, dpoptest.New(t))).StatusCode)
		g.requireDecision(g.with("DPoP", "garbage"), controls.EdgeSignature)
	}, controls.EdgeDPoP)
}

func TestMalformedConfirmation(t *testing.T) {
	g := newGateway(t, unreachable(t), proving(t, false, false))
	for _, cnf := range []any{"text", 7, map[string]any{"jkt": 7}, []string{"jkt"}} {
		claims := g.Issuer.Claims("alice", "documents:read")
		claims["cnf"] = cnf
		r := g.with("Bearer", g.Issuer.Sign(claims))
		require.Equal(t, http.StatusUnauthorized, r.StatusCode)
		g.requireDecision(r, controls.EdgeSignature)
	}
}
