package edge_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/gateway/internal/edge"
	"redoubt.example/gateway/internal/quarantine"
	"redoubt.example/gateway/internal/ratelimit"
	"redoubt.example/services/platform/containment"
	"redoubt.example/services/platform/controls"
)

// TestContainment: who is contained is refused with a record, and nobody else is, from the next request on.
func TestContainment(t *testing.T) {
	list, err := quarantine.Open("")
	require.NoError(t, err)
	g := newGateway(t, fine, func(c *edge.Config) { c.Quarantine, c.Limits.Limiter = list, ratelimit.NewLocal() })
	alice, again, bob := g.Issuer.Token("alice", "documents:read"), g.Issuer.Token("alice", "documents:read documents:write"), g.Issuer.Token("bob", "documents:read")
	ask := func(token string) reply { return g.do("GET", "/v1/documents", token, "") }
	contain := func(kind, target string) {
		t.Helper()
		require.NoError(t, list.Put(containment.List{Entries: []containment.Entry{{Kind: kind, Target: target, Until: time.Now().Add(time.Minute)}}}))
	}
	for _, token := range []string{alice, again, bob} {
		require.Equal(t, http.StatusNoContent, ask(token).StatusCode)
	}
	tokenOf := func(raw string) string {
		claims, err := base64.RawURLEncoding.DecodeString(strings.Split(raw, ".")[1])
		require.NoError(t, err)
		return names.Token(claims)
	}

	for name, c := range map[string]struct {
		kind, target string
		status       int
		served       string
	}{
		"an address":             {containment.Address, "127.0.0.1", http.StatusForbidden, ""},
		"a token":                {containment.Token, tokenOf(alice), http.StatusUnauthorized, again},
		"a principal":            {containment.Principal, names.Principal("alice"), http.StatusForbidden, bob},
		"slowed down":            {containment.Throttle, names.Principal("alice"), http.StatusTooManyRequests, bob},
		"another principal":      {containment.Principal, names.Principal("mallory"), http.StatusNoContent, bob},
		"another address":        {containment.Address, "203.0.113.7", http.StatusNoContent, bob},
		"a name of another kind": {containment.Token, names.Principal("alice"), http.StatusNoContent, bob},
	} {
		contain(c.kind, c.target)
		if c.kind == containment.Throttle {
			require.Equal(t, http.StatusNoContent, ask(alice).StatusCode, "one at a time is served")
		}
		r := ask(alice)
		require.Equal(t, c.status, r.StatusCode, name)
		if c.status != http.StatusNoContent {
			g.requireDecision(r, controls.EdgeContainment)
		}
		if c.served != "" {
			require.Equal(t, http.StatusNoContent, ask(c.served).StatusCode, name)
		}
	}
	require.NoError(t, list.Put(containment.List{}))
	require.Equal(t, http.StatusNoContent, ask(alice).StatusCode)
}

// TestContainmentOfWhomATokenOnlyNames: a forged token that names alice is refused as forged, whoever is contained.
func TestContainmentOfWhomATokenOnlyNames(t *testing.T) {
	list, err := quarantine.Open("")
	require.NoError(t, err)
	g := newGateway(t, fine, func(c *edge.Config) { c.Quarantine = list })
	require.NoError(t, list.Put(containment.List{Entries: []containment.Entry{{Kind: containment.Principal, Target: names.Principal("alice"), Until: time.Now().Add(time.Minute)}}}))
	good := g.Issuer.Token("alice", "documents:read")
	r := g.do("GET", "/v1/documents", good[:len(good)-8]+"AAAAAAAA", "")
	require.Equal(t, http.StatusUnauthorized, r.StatusCode)
	g.requireDecision(r, controls.EdgeSignature)
}
