package accesstoken_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
	"sync"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redoubt.example/gateway/internal/accesstoken"
	"redoubt.example/gateway/internal/oidctest"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/fault"
)

func verifier(t *testing.T, issuer *oidctest.Issuer) *accesstoken.Verifier {
	v := accesstoken.New(accesstoken.Config{
		Issuer: issuer.URL, Audience: oidctest.Audience, SubjectClaim: "username", Client: issuer.Client,
	})
	run(t, v)
	return v
}

func run(t *testing.T, v *accesstoken.Verifier) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- v.Run(ctx) }()
	t.Cleanup(func() { cancel(); require.NoError(t, <-ended) })
}

func readyVerifier(t *testing.T, issuer *oidctest.Issuer) *accesstoken.Verifier {
	v := verifier(t, issuer)
	require.Eventually(t, func() bool { return v.Ready() == nil }, 5*time.Second, time.Millisecond)
	return v
}

func with(claims map[string]any, key string, value any) map[string]any {
	claims[key] = value
	if value == nil {
		delete(claims, key)
	}
	return claims
}

func TestVerifyRefuses(t *testing.T) {
	issuer := oidctest.New(t)
	v := readyVerifier(t, issuer)
	good := func() map[string]any { return issuer.Claims("alice", "documents:read") }
	_, otherKey, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	key := issuer.Key()
	public := key.Public()
	publicJSON, err := public.MarshalJSON()
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(public.Key.(*ecdsa.PublicKey))
	require.NoError(t, err)
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	hs256 := func(secret []byte) string {
		return oidctest.Sign(t, jose.SigningKey{Algorithm: jose.HS256, Key: jose.JSONWebKey{Key: secret, KeyID: "key-1"}}, good(), nil)
	}
	foreign := jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: otherKey, KeyID: "key-1"}}
	foreignUnknown := jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: otherKey, KeyID: "made-up"}}
	past, future := time.Now().Add(-time.Hour).Unix(), time.Now().Add(time.Hour).Unix()

	for name, tc := range map[string]struct{ raw, control string }{
		"garbage":              {"garbage", controls.EdgeSignature},
		"three dots":           {"...", controls.EdgeSignature},
		"far too long":         {strings.Repeat("a", 1<<20), controls.EdgeSignature},
		"alg none":             {unsigned(t, good()), controls.EdgeSignature},
		"HS256, JWK as secret": {hs256(publicJSON), controls.EdgeSignature},
		"HS256, PEM as secret": {hs256(publicPEM), controls.EdgeSignature},
		"another key":          {oidctest.Sign(t, foreign, good(), nil), controls.EdgeSignature},
		"another key, unknown": {oidctest.Sign(t, foreignUnknown, good(), nil), controls.EdgeSignature},
		"key brought along": {oidctest.Sign(t, jose.SigningKey{Algorithm: jose.EdDSA, Key: otherKey}, good(),
			map[jose.HeaderKey]any{"jwk": jose.JSONWebKey{Key: otherKey.Public(), KeyID: "key-1"}}), controls.EdgeSignature},
		"key by address": {oidctest.Sign(t, foreign, good(), map[jose.HeaderKey]any{"jku": "https://127.0.0.1:1/keys"}), controls.EdgeSignature},
		"changed claims": {tampered(issuer.Token("alice", "documents:read")), controls.EdgeSignature},
		"other issuer":   {issuer.Sign(with(good(), "iss", "https://issuer.invalid")), controls.EdgeIssuer},
		"no issuer":      {issuer.Sign(with(good(), "iss", nil)), controls.EdgeIssuer},
		"other audience": {issuer.Sign(with(good(), "aud", "another-api")), controls.EdgeAudience},
		"no audience":    {issuer.Sign(with(good(), "aud", nil)), controls.EdgeAudience},
		"expired":        {issuer.Sign(with(good(), "exp", past)), controls.EdgeExpiry},
		"no expiry":      {issuer.Sign(with(good(), "exp", nil)), controls.EdgeExpiry},
		"not yet":        {issuer.Sign(with(good(), "nbf", future)), controls.EdgeExpiry},
		"from the future": {issuer.Sign(with(with(good(), "iat", future), "exp", future+60)),
			controls.EdgeExpiry},
		"no principal":       {issuer.Sign(with(good(), "username", nil)), controls.EdgeSubject},
		"empty principal":    {issuer.Sign(with(good(), "username", "")), controls.EdgeSubject},
		"principal a number": {issuer.Sign(with(good(), "username", 7)), controls.EdgeSubject},
		"principal, newline": {issuer.Sign(with(good(), "username", "alice\nbob")), controls.EdgeSubject},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := v.Verify(t.Context(), tc.raw)
			var refusal *accesstoken.Refusal
			require.ErrorAs(t, err, &refusal)
			require.Equal(t, tc.control, refusal.Control, refusal.Reason)
		})
	}
}

func TestVerifyAccepts(t *testing.T) {
	issuer := oidctest.New(t)
	v := readyVerifier(t, issuer)
	claims := with(issuer.Claims("alice", "documents:read  documents:write"), "aud", []string{"other", oidctest.Audience})
	token, err := v.Verify(t.Context(), issuer.Sign(claims))
	require.NoError(t, err)
	require.Equal(t, accesstoken.Token{Principal: "alice", Scopes: []string{"documents:read", "documents:write"}, Client: "test-client"}, token)
}

func TestNoScopeClaimIsNoScope(t *testing.T) {
	issuer := oidctest.New(t)
	v := readyVerifier(t, issuer)
	for _, scope := range []any{nil, 7, []string{"documents:read"}} {
		token, err := v.Verify(t.Context(), issuer.Sign(with(issuer.Claims("alice", ""), "scope", scope)))
		require.NoError(t, err)
		require.Empty(t, token.Scopes)
	}
}

func TestRotatedKeyIsFetched(t *testing.T) {
	issuer := oidctest.New(t)
	v := readyVerifier(t, issuer)
	for _, id := range []string{"key-2", "key-3"} { // the second within the second in which nothing is fetched
		issuer.Rotate(id)
		_, err := v.Verify(t.Context(), issuer.Token("alice", "documents:read"))
		require.NoError(t, err, id)
	}
}

func TestGarbageDoesNotFloodTheIssuer(t *testing.T) {
	issuer := oidctest.New(t)
	v := readyVerifier(t, issuer)
	_, key, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	forged := oidctest.Sign(t, jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: key, KeyID: "made-up"}}, issuer.Claims("alice", ""), nil)
	before, begin := issuer.KeyFetches.Load(), time.Now()
	var flood sync.WaitGroup
	for range 200 {
		flood.Go(func() {
			_, err := v.Verify(t.Context(), forged)
			var refusal *accesstoken.Refusal
			assert.ErrorAs(t, err, &refusal)
		})
	}
	flood.Wait()
	require.LessOrEqual(t, issuer.KeyFetches.Load()-before, int64(time.Since(begin)/time.Second)+1)
}

func TestIssuerAwayAtStart(t *testing.T) {
	issuer := oidctest.New(t)
	issuer.Down(true)
	v := verifier(t, issuer)
	token := issuer.Token("alice", "documents:read")
	_, err := v.Verify(t.Context(), token)
	require.Equal(t, fault.Unavailable, fault.KindOf(err))
	require.Error(t, v.Ready())

	issuer.Down(false)
	require.Eventually(t, func() bool {
		_, err := v.Verify(t.Context(), token)
		return err == nil
	}, 5*time.Second, 10*time.Millisecond)

	issuer.Down(true) // from now on the known keys do
	_, err = v.Verify(t.Context(), token)
	require.NoError(t, err)
}

func unsigned(t *testing.T, claims map[string]any) string {
	body, err := json.Marshal(claims)
	require.NoError(t, err)
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","kid":"key-1"}`)) + "." + base64.RawURLEncoding.EncodeToString(body) + "."
}

// tampered keeps header and signature, and makes alice bob.
func tampered(raw string) string {
	parts := strings.Split(raw, ".")
	body, _ := base64.RawURLEncoding.DecodeString(parts[1])
	parts[1] = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(body), "alice", "bobby", 1)))
	return strings.Join(parts, ".")
}
