package accesstoken_test

import (
	"crypto/ed25519"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"redoubt.example/gateway/internal/accesstoken"
	"redoubt.example/gateway/internal/oidctest"
	"redoubt.example/services/platform/controls"
)

// TestClocksMayDifferALittle: by less than half a minute, either way.
func TestClocksMayDifferALittle(t *testing.T) {
	issuer := oidctest.New(t)
	v := readyVerifier(t, issuer)
	for name, tc := range map[string]struct {
		claim string
		ahead time.Duration // of our clock
		good  bool
	}{
		"expired just now":      {"exp", -20 * time.Second, true},
		"expired a while ago":   {"exp", -40 * time.Second, false},
		"good in a moment":      {"nbf", 20 * time.Second, true},
		"good in a while":       {"nbf", 45 * time.Second, false},
		"made in a moment":      {"iat", 20 * time.Second, true},
		"made later than that":  {"iat", 45 * time.Second, false},
		"expires in a moment":   {"exp", time.Second, true},
		"good since a moment":   {"nbf", -time.Second, true},
		"made a long while ago": {"iat", -time.Hour, true},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := v.Verify(t.Context(), issuer.Sign(with(issuer.Claims("alice", ""), tc.claim, time.Now().Add(tc.ahead).Unix())))
			if tc.good {
				require.NoError(t, err)
				return
			}
			var refusal *accesstoken.Refusal
			require.ErrorAs(t, err, &refusal)
			require.Equal(t, controls.EdgeExpiry, refusal.Control)
		})
	}
}

// TestDiscoveryIsntBelievedBlindly: an issuer that says what it mustn't is no issuer.
func TestDiscoveryIsntBelievedBlindly(t *testing.T) {
	for name, spoil := range map[string]func(document map[string]any, keys *jose.JSONWebKeySet){
		"another issuer's document": func(d map[string]any, _ *jose.JSONWebKeySet) { d["issuer"] = "https://issuer.invalid" },
		"keys without TLS":          func(d map[string]any, _ *jose.JSONWebKeySet) { d["jwks_uri"] = "http://127.0.0.1/keys" },
		"shared secrets and none": func(d map[string]any, _ *jose.JSONWebKeySet) {
			d["id_token_signing_alg_values_supported"] = []string{"HS256", "none"}
		},
		"no algorithm":        func(d map[string]any, _ *jose.JSONWebKeySet) { delete(d, "id_token_signing_alg_values_supported") },
		"no keys":             func(_ map[string]any, k *jose.JSONWebKeySet) { k.Keys = nil },
		"keys for encryption": func(_ map[string]any, k *jose.JSONWebKeySet) { k.Keys[0].Use = "enc" },
	} {
		t.Run(name, func(t *testing.T) {
			asked, v := published(t, spoil)
			require.Eventually(t, func() bool { return asked.Load() >= 2 }, 10*time.Second, time.Millisecond, "it is tried again")
			require.Error(t, v.Ready())
		})
	}
	_, v := published(t, func(map[string]any, *jose.JSONWebKeySet) {})
	require.Eventually(t, func() bool { return v.Ready() == nil }, 10*time.Second, time.Millisecond, "unspoilt, it is good")
}

// published is a verifier of an issuer that publishes what spoil makes of a good document; and how often it was asked.
func published(t *testing.T, spoil func(map[string]any, *jose.JSONWebKeySet)) (*atomic.Int64, *accesstoken.Verifier) {
	public, _, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	var asked atomic.Int64
	mux := http.NewServeMux()
	server := httptest.NewTLSServer(mux)
	t.Cleanup(server.Close)
	document := map[string]any{"issuer": server.URL, "jwks_uri": server.URL + "/keys", "id_token_signing_alg_values_supported": []string{"EdDSA"}}
	keys := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: public, KeyID: "key-1", Algorithm: "EdDSA", Use: "sig"}}}
	spoil(document, &keys)
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_ = json.NewEncoder(w).Encode(document)
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(keys) })
	v := accesstoken.New(accesstoken.Config{Issuer: server.URL, Audience: oidctest.Audience, SubjectClaim: "username", Client: server.Client()})
	run(t, v)
	return &asked, v
}

// TestGarbageOneAfterAnotherDoesNotFloodTheIssuer: nor does a flood in which each waits for the one before.
func TestGarbageOneAfterAnotherDoesNotFloodTheIssuer(t *testing.T) {
	issuer := oidctest.New(t)
	v := readyVerifier(t, issuer)
	_, key, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	before, begin := issuer.KeyFetches.Load(), time.Now()
	for _, id := range []string{"a", "b", "c"} {
		forged := oidctest.Sign(t, jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: key, KeyID: id}}, issuer.Claims("alice", ""), nil)
		_, err := v.Verify(t.Context(), forged)
		require.Error(t, err)
	}
	require.LessOrEqual(t, issuer.KeyFetches.Load()-before, int64(time.Since(begin)/time.Second)+1)
}

// TestConfirmation: a token may be bound to a key (RFC 9449 section 6.1).
func TestConfirmation(t *testing.T) {
	issuer := oidctest.New(t)
	v := readyVerifier(t, issuer)
	for _, tc := range []struct {
		confirmation any
		key          string
	}{{nil, ""}, {map[string]any{"jkt": "abc"}, "abc"}, {map[string]any{}, ""}, {map[string]any{"jkt": ""}, ""}} {
		token, err := v.Verify(t.Context(), issuer.Sign(with(issuer.Claims("alice", ""), "cnf", tc.confirmation)))
		require.NoError(t, err)
		require.Equal(t, tc.key, token.Key)
	}
}
