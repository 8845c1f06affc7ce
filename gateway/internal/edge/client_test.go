package edge_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/gateway/internal/dpoptest"
	"redoubt.example/services/platform/apikey"
	"redoubt.example/services/platform/controls"
)

// named are the keys under which a line says who the client is.
func named(line map[string]any) map[string]any {
	who := map[string]any{}
	for _, key := range []string{"user_hash", "token_hash", "api_key", "claimed_user_hash"} {
		if v, ok := line[key]; ok {
			who[key] = v
		}
	}
	return who
}

// TestWhoIsOnlyClaimedIsNoPrincipal: of a token that is refused, events have whom it names apart: nobody is to be acted upon for
// what another has written about him.
func TestWhoIsOnlyClaimedIsNoPrincipal(t *testing.T) {
	g := newGateway(t, unreachable(t), proving(t, false, false))
	alice := map[string]any{"claimed_user_hash": names.Principal("alice")}
	good := g.Issuer.Token("alice", "documents:read")
	head, rest, _ := strings.Cut(good, ".")
	payload, _, _ := strings.Cut(rest, ".")
	expired := g.Issuer.Claims("alice", "documents:read")
	expired["exp"] = time.Now().Add(-time.Hour).Unix()
	for name, c := range map[string]struct {
		reply   reply
		control string
		want    map[string]any
	}{
		"forged":            {g.do("GET", "/v1/documents", head+"."+payload+".AAAA", ""), controls.EdgeSignature, alice},
		"expired":           {g.do("GET", "/v1/documents", g.Issuer.Sign(expired), ""), controls.EdgeExpiry, alice},
		"without its proof": {g.with("Bearer", bound(g, dpoptest.New(t))), controls.EdgeDPoP, alice},
		"garbage":           {g.do("GET", "/v1/documents", "garbage", ""), controls.EdgeSignature, map[string]any{}},
		"nobody's":          {g.do("GET", "/v1/documents", "x.e30.x", ""), controls.EdgeSignature, map[string]any{}},
		"none":              {g.do("GET", "/v1/documents", "", ""), controls.EdgeToken, map[string]any{}},
	} {
		require.Equal(t, http.StatusUnauthorized, c.reply.StatusCode, name)
		require.Equal(t, c.want, named(g.requireDecision(c.reply, c.control)), name)
		require.Equal(t, c.want, named(g.accessLine(c.reply)), name)
	}
	require.NotContains(t, g.log.String(), "alice")
}

// TestWhoIsKnownIsNamedByAHash: in the access line, and in the decisions that come after.
func TestWhoIsKnownIsNamedByAHash(t *testing.T) {
	pepper := []byte("pepper")
	keys := apikey.NewSet(func(context.Context, int) ([]byte, error) { return pepper, nil })
	record := apikey.Record{Principal: "alice", Scopes: []string{"documents:read"}, Expires: time.Now().Add(time.Hour)}
	key := apikey.New(&record, pepper, 1).Reveal()
	require.NoError(t, keys.Update(t.Context(), []apikey.Record{record}))
	keys.Confirm()
	g := newGatewayWith(t, keys, fine)

	first, second := g.Issuer.Claims("alice", "documents:read"), g.Issuer.Claims("alice", "documents:read")
	second["exp"] = time.Now().Add(10 * time.Minute).Unix()
	token := g.Issuer.Sign(first)
	var tokens []any
	for _, token := range []string{token, token, g.Issuer.Sign(first), g.Issuer.Sign(second)} { // ES256: the third has another signature
		r := g.do("GET", "/v1/documents", token, "")
		require.Equal(t, http.StatusNoContent, r.StatusCode)
		who := named(g.accessLine(r))
		require.Equal(t, names.Principal("alice"), who["user_hash"])
		tokens = append(tokens, who["token_hash"])
	}
	require.Regexp(t, "^[0-9a-f]{32}$", tokens[0])
	require.Equal(t, []any{tokens[0], tokens[0]}, tokens[1:3], "the same token, however often and however signed")
	require.NotEqual(t, tokens[0], tokens[3])

	r := g.do("GET", "/v1/account", token, "")
	require.Equal(t, map[string]any{"user_hash": names.Principal("alice"), "token_hash": tokens[0]}, named(g.requireDecision(r, controls.EdgeScope)))

	byKey := map[string]any{"user_hash": names.Principal("alice"), "api_key": record.Prefix}
	require.Equal(t, byKey, named(g.accessLine(g.do("GET", "/v1/documents", "", "", "Authorization", "ApiKey "+key))))
	require.Empty(t, named(g.accessLine(g.do("GET", "/v1/documents", "", "", "Authorization", "ApiKey "+key+"x"))))
	require.False(t, slices.Contains(strings.Split(g.log.String(), `"`), "alice"))
	require.NotContains(t, g.log.String(), key)
}
