// Package oidctest is an OpenID Connect issuer for tests: real discovery, real keys, over real TLS.
package oidctest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"
)

// Audience is what the issuer's tokens are for, unless a test says otherwise.
const Audience = "redoubt"

// Issuer signs what it is told to, right or wrong.
type Issuer struct {
	URL        string
	Client     *http.Client // trusts the issuer's certificate
	KeyFetches atomic.Int64

	t      testing.TB
	mu     sync.Mutex
	key    jose.JSONWebKey // private
	down   atomic.Bool
	server *httptest.Server
}

// New starts an issuer; it ends with the test.
func New(t testing.TB) *Issuer {
	i := &Issuer{t: t, key: newKey(t, "key-1")}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", i.discovery)
	mux.HandleFunc("GET /keys", i.keys)
	i.server = httptest.NewTLSServer(i.unlessDown(mux))
	t.Cleanup(i.server.Close)
	i.URL, i.Client = i.server.URL, i.server.Client()
	return i
}

// Claims returns those of a good token, for a test to spoil.
func (i *Issuer) Claims(principal, scope string) map[string]any {
	now := time.Now()
	return map[string]any{
		"iss": i.URL, "aud": Audience, "sub": "8f7c2c1e", "username": principal, "scope": scope, "azp": "test-client",
		"iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	}
}

// Sign returns the claims as a token, signed with the issuer's current key.
func (i *Issuer) Sign(claims map[string]any) string {
	return Sign(i.t, jose.SigningKey{Algorithm: jose.ES256, Key: i.Key()}, claims, nil)
}

// Token returns a good token.
func (i *Issuer) Token(principal, scope string) string { return i.Sign(i.Claims(principal, scope)) }

// Key returns the issuer's current private key.
func (i *Issuer) Key() jose.JSONWebKey {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.key
}

// Rotate replaces the issuer's key.
func (i *Issuer) Rotate(id string) {
	key := newKey(i.t, id)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.key = key
}

// Down makes the issuer answer 503 to everything, or well again.
func (i *Issuer) Down(down bool) { i.down.Store(down) }

// Sign returns the claims signed as told.
func Sign(t testing.TB, key jose.SigningKey, claims map[string]any, extra map[jose.HeaderKey]any) string {
	signer, err := jose.NewSigner(key, &jose.SignerOptions{ExtraHeaders: extra})
	require.NoError(t, err)
	body, err := json.Marshal(claims)
	require.NoError(t, err)
	signed, err := signer.Sign(body)
	require.NoError(t, err)
	raw, err := signed.CompactSerialize()
	require.NoError(t, err)
	return raw
}

func newKey(t testing.TB, id string) jose.JSONWebKey {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return jose.JSONWebKey{Key: private, KeyID: id, Algorithm: string(jose.ES256), Use: "sig"}
}

func (i *Issuer) discovery(w http.ResponseWriter, _ *http.Request) {
	_ = json.NewEncoder(w).Encode(map[string]any{
		"issuer": i.URL, "jwks_uri": i.URL + "/keys",
		// An issuer that allows too much: the gateway mustn't follow.
		"id_token_signing_alg_values_supported": []string{"ES256", "EdDSA", "HS256", "none"},
	})
}

func (i *Issuer) keys(w http.ResponseWriter, _ *http.Request) {
	i.KeyFetches.Add(1)
	key := i.Key()
	public := key.Public()
	_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{public}})
}

func (i *Issuer) unlessDown(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if i.down.Load() {
			http.Error(w, "down", http.StatusServiceUnavailable)
			return
		}
		h.ServeHTTP(w, r)
	})
}
