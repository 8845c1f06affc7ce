package authn_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/authn"
	"redoubt.example/services/platform/fault"
)

const (
	domain  = "11111111-2222-3333-4444-555555555555.consul"
	gateway = "spiffe://" + domain + "/ns/default/dc/dc1/svc/gateway"
)

var grant = authn.Grant{
	Txn: "txn-1", Subject: "alice", Scopes: []string{"documents:write", "documents:read"}, Entry: "POST /v1/documents", Requester: gateway, Client: "cli",
}

// tts is a gateway with a key that the tests can sign anything with.
type tts struct {
	private ed25519.PrivateKey
	public  jose.JSONWebKey
	fetches atomic.Int64
	down    atomic.Bool
}

func newTTS(tb testing.TB) *tts {
	public, private, err := ed25519.GenerateKey(nil)
	require.NoError(tb, err)
	return &tts{private: private, public: jose.JSONWebKey{Key: public, KeyID: "k1", Algorithm: "EdDSA", Use: "sig"}}
}

func (s *tts) fetch(context.Context) ([]byte, error) {
	s.fetches.Add(1)
	if s.down.Load() {
		return nil, errors.New("gateway is away")
	}
	return json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{s.public}})
}

func goodClaims() map[string]any {
	now := time.Now().Unix()
	return map[string]any{"iss": "spiffe://" + domain, "aud": domain, "txn": "txn-1", "sub": "alice", "scope": "documents:read",
		"req_wl": gateway, "tctx": map[string]any{"entry": "POST /v1/documents"}, "iat": now, "exp": now + 15}
}

func goodHeader() map[string]any {
	return map[string]any{"alg": "EdDSA", "typ": "txntoken+jwt", "kid": "k1"}
}

func with(m map[string]any, key string, value any) map[string]any {
	m[key] = value
	if value == nil {
		delete(m, key)
	}
	return m
}

// sign makes a token of exactly this header and these claims: a signer of the library's wouldn't.
func (s *tts) sign(tb testing.TB, header, claims map[string]any) string {
	h, err := json.Marshal(header)
	require.NoError(tb, err)
	c, err := json.Marshal(claims)
	require.NoError(tb, err)
	return s.signText(string(h), string(c))
}

func (s *tts) signText(header, claims string) string {
	input := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	return input + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(s.private, []byte(input)))
}

func TestVerifyRefuses(t *testing.T) {
	s := newTTS(t)
	v := authn.NewVerifier(s.fetch)
	good := s.sign(t, goodHeader(), goodClaims())
	token := func(header, claims map[string]any) string { return s.sign(t, header, claims) }
	claims := func(key string, value any) string { return token(goodHeader(), with(goodClaims(), key, value)) }
	header := func(key string, value any) string { return token(with(goodHeader(), key, value), goodClaims()) }
	stranger := newTTS(t)
	publicJWK, err := json.Marshal(s.public)
	require.NoError(t, err)
	hs256 := func(secret []byte) string {
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: jose.JSONWebKey{Key: secret, KeyID: "k1"}},
			(&jose.SignerOptions{}).WithType("txntoken+jwt"))
		require.NoError(t, err)
		body, err := json.Marshal(goodClaims())
		require.NoError(t, err)
		signed, err := signer.Sign(body)
		require.NoError(t, err)
		raw, err := signed.CompactSerialize()
		require.NoError(t, err)
		return raw
	}
	now := time.Now().Unix()
	goodClaimsText, err := json.Marshal(goodClaims())
	require.NoError(t, err)

	for name, raw := range map[string]string{
		"nothing":                   "",
		"garbage":                   "garbage",
		"dots":                      "..",
		"far too long":              strings.Repeat("a", 1<<20),
		"unsigned":                  strings.Join(strings.Split(good, ".")[:2], ".") + ".",
		"alg none":                  header("alg", "none"),
		"alg of another kind":       header("alg", "ES256"),
		"HS256, public key":         hs256(s.public.Key.(ed25519.PublicKey)),
		"HS256, public JWK":         hs256(publicJWK),
		"an access token":           header("typ", "at+jwt"),
		"plain JWT":                 header("typ", "JWT"),
		"no typ":                    header("typ", nil),
		"no kid":                    header("kid", nil),
		"unknown kid":               header("kid", "k2"),
		"jku":                       header("jku", "https://127.0.0.1:1/keys"),
		"jwk":                       header("jwk", json.RawMessage(publicJWK)),
		"x5u":                       header("x5u", "https://127.0.0.1:1/chain"),
		"x5c":                       header("x5c", []string{"MIIB"}),
		"crit":                      header("crit", []string{"b64"}),
		"header with a double":      s.signText(`{"alg":"EdDSA","typ":"JWT","typ":"txntoken+jwt","kid":"k1"}`, string(goodClaimsText)),
		"header with a capital":     s.signText(`{"Alg":"EdDSA","typ":"txntoken+jwt","kid":"k1"}`, string(goodClaimsText)),
		"header with a space":       s.signText(`{"alg":"EdDSA", "kid":"k1","typ":"txntoken+jwt"}`, string(goodClaimsText)),
		"header in another order":   s.signText(`{"typ":"txntoken+jwt","alg":"EdDSA","kid":"k1"}`, string(goodClaimsText)),
		"kid that breaks out":       header("kid", `k1","x":"y`),
		"signature spelled anew":    respelled(good),
		"signature with a newline":  good + "\n",
		"a fourth part":             good + ".e30",
		"another's key, our kid":    stranger.sign(t, goodHeader(), goodClaims()),
		"changed after signing":     tampered(good),
		"JSON serialization":        `{"payload":"e30","signatures":[]}`,
		"other trust domain":        claims("aud", "22222222-2222-3333-4444-555555555555.consul"),
		"audience a list":           claims("aud", []string{domain}),
		"other issuer":              claims("iss", "spiffe://22222222-2222-3333-4444-555555555555.consul"),
		"expired":                   token(goodHeader(), with(with(goodClaims(), "iat", now-20), "exp", now-5)),
		"expires now":               token(goodHeader(), with(with(goodClaims(), "iat", now-15), "exp", now)),
		"from the future":           token(goodHeader(), with(with(goodClaims(), "iat", now+60), "exp", now+70)),
		"lives too long":            claims("exp", now+3600),
		"expiry beyond all numbers": s.signText(`{"alg":"EdDSA","kid":"k1","typ":"txntoken+jwt"}`, strings.Replace(string(goodClaimsText), `"exp":`, `"exp":1e400,"x":`, 1)),
		"no iss":                    claims("iss", nil),
		"no aud":                    claims("aud", nil),
		"no txn":                    claims("txn", nil),
		"no sub":                    claims("sub", nil),
		"empty sub":                 claims("sub", ""),
		"sub a number":              claims("sub", 7),
		"no scope":                  claims("scope", nil),
		"blank scope":               claims("scope", "  "),
		"no tctx":                   claims("tctx", nil),
		"tctx without entry":        claims("tctx", map[string]any{}),
		"tctx of another kind":      claims("tctx", "POST /v1/documents"),
		"no req_wl":                 claims("req_wl", nil),
		"req_wl of another domain":  claims("req_wl", "spiffe://22222222-2222-3333-4444-555555555555.consul/ns/default/dc/dc1/svc/gateway"),
		"req_wl without a path":     claims("req_wl", "spiffe://"+domain),
		"no iat":                    claims("iat", nil),
		"no exp":                    claims("exp", nil),
		"claims not JSON":           s.signText(`{"alg":"EdDSA","kid":"k1","typ":"txntoken+jwt"}`, `alice`),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := v.Verify(t.Context(), raw, domain)
			require.Error(t, err)
			require.Equal(t, fault.Unauthenticated, fault.KindOf(err), err.Error())
			if len(raw) > 20 {
				require.NotContains(t, err.Error(), raw[:20])
			}
		})
	}
	_, err = v.Verify(t.Context(), good, "")
	require.Equal(t, fault.Unauthenticated, fault.KindOf(err), "a caller without a trust domain")
	_, err = v.Verify(t.Context(), good, domain)
	require.NoError(t, err)
}

// respelled changes bits of the last character that the signature's bytes don't use.
func respelled(raw string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, raw[len(raw)-1])
	return raw[:len(raw)-1] + string(alphabet[last^1])
}

func tampered(raw string) string {
	parts := strings.Split(raw, ".")
	body, _ := base64.RawURLEncoding.DecodeString(parts[1])
	parts[1] = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(body), "alice", "bobby", 1)))
	return strings.Join(parts, ".")
}

func TestMintedTokenVerifies(t *testing.T) {
	m, err := authn.NewMinter(domain)
	require.NoError(t, err)
	v := authn.NewVerifier(func(context.Context) ([]byte, error) { return m.PublicKeys() })
	raw, err := m.Mint(grant)
	require.NoError(t, err)
	for range 2 { // by its signature, then from the cache
		token, err := v.Verify(t.Context(), raw, domain)
		require.NoError(t, err)
		require.Equal(t, grant.Txn, token.Txn)
		require.Equal(t, grant.Subject, token.Subject)
		require.Equal(t, grant.Scopes, token.Scopes)
		require.Equal(t, grant.Entry, token.Entry)
		require.Equal(t, grant.Requester, token.Requester)
		require.Equal(t, grant.Client, token.Client)
		require.Equal(t, raw, token.Raw)
		require.True(t, token.HasScope("x", "documents:read"))
		require.False(t, token.HasScope("x"))
	}
	other := "22222222-2222-3333-4444-555555555555.consul"
	_, err = v.Verify(t.Context(), raw, other)
	require.Equal(t, fault.Unauthenticated, fault.KindOf(err), "cached, but for another trust domain")
}

func TestCachedTokenExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, err := authn.NewMinter(domain)
		require.NoError(t, err)
		v := authn.NewVerifier(func(context.Context) ([]byte, error) { return m.PublicKeys() })
		raw, err := m.Mint(grant)
		require.NoError(t, err)
		_, err = v.Verify(t.Context(), raw, domain)
		require.NoError(t, err)
		time.Sleep(authn.Lifetime - time.Millisecond)
		_, err = v.Verify(t.Context(), raw, domain)
		require.NoError(t, err)
		time.Sleep(time.Millisecond)
		_, err = v.Verify(t.Context(), raw, domain)
		require.Equal(t, fault.Unauthenticated, fault.KindOf(err))
	})
}

func TestMinterRefusesIncompleteGrants(t *testing.T) {
	m, err := authn.NewMinter(domain)
	require.NoError(t, err)
	for name, spoil := range map[string]func(*authn.Grant){
		"no txn":       func(g *authn.Grant) { g.Txn = "" },
		"no subject":   func(g *authn.Grant) { g.Subject = "" },
		"no scope":     func(g *authn.Grant) { g.Scopes = nil },
		"no entry":     func(g *authn.Grant) { g.Entry = "" },
		"no requester": func(g *authn.Grant) { g.Requester = "" },
	} {
		g := grant
		spoil(&g)
		_, err := m.Mint(g)
		require.Error(t, err, name)
	}
	_, err = authn.NewMinter("")
	require.Error(t, err)
}

func TestContext(t *testing.T) {
	_, ok := authn.FromContext(t.Context())
	require.False(t, ok)
	token, ok := authn.FromContext(authn.NewContext(t.Context(), &authn.Token{Subject: "alice"}))
	require.True(t, ok)
	require.Equal(t, "alice", token.Subject)
}

func BenchmarkMint(b *testing.B) {
	m, err := authn.NewMinter(domain)
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = m.Mint(grant)
	}
}

func BenchmarkVerify(b *testing.B) {
	m, err := authn.NewMinter(domain)
	require.NoError(b, err)
	keys, err := m.PublicKeys()
	require.NoError(b, err)
	raw, err := m.Mint(grant)
	require.NoError(b, err)
	fetch := func(context.Context) ([]byte, error) { return keys, nil }
	b.Run("cached", func(b *testing.B) {
		v := authn.NewVerifier(fetch)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := v.Verify(b.Context(), raw, domain); err != nil {
				b.Skip(err) // longer than the token lives
			}
		}
	})
	b.Run("uncached", func(b *testing.B) {
		v := authn.NewVerifier(fetch)
		tokens := make([]string, 0, 8192) // twice what the cache holds
		for i := range cap(tokens) {
			g := grant
			g.Txn = strings.Repeat("x", i%7) + "txn-" + time.Now().String()
			raw, err := m.Mint(g)
			require.NoError(b, err)
			tokens = append(tokens, raw)
		}
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			if _, err := v.Verify(b.Context(), tokens[i%len(tokens)], domain); err != nil {
				b.Skip(err)
			}
			i++
		}
	})
}

// BenchmarkRawSignature is what no verifier can be faster than.
func BenchmarkRawSignature(b *testing.B) {
	public, private, err := ed25519.GenerateKey(nil)
	require.NoError(b, err)
	message := make([]byte, 500)
	signature := ed25519.Sign(private, message)
	for b.Loop() {
		ed25519.Verify(public, message, signature)
	}
}
