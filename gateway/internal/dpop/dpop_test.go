package dpop_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"redoubt.example/gateway/internal/dpop"
	"redoubt.example/gateway/internal/dpoptest"
	"redoubt.example/services/platform/fault"
)

const (
	api   = "https://api.example:8443"
	uri   = api + "/v1/documents"
	token = "header.claims.signature"
)

func verifier(t testing.TB, nonce bool) *dpop.Verifier {
	v, err := dpop.New(dpop.Config{Origins: []string{api, "https://other.example"}, Nonce: nonce})
	require.NoError(t, err)
	return v
}

func request(c *dpoptest.Client, proofs ...string) dpop.Request {
	return dpop.Request{Method: "GET", Path: "/v1/documents", Proofs: proofs, Token: token, Key: c.Thumbprint}
}

func with(key string, value any) map[string]any {
	c := dpoptest.Claims("GET", uri, token)
	c[key] = value
	if value == nil {
		delete(c, key)
	}
	return c
}

// TestRefused goes through the list of RFC 9449 section 4.3.
func TestRefused(t *testing.T) {
	me, thief := dpoptest.New(t), dpoptest.New(t)
	good := dpoptest.Claims("GET", uri, token)
	public := jose.JSONWebKey{Key: me.Key.Public()}
	header := map[jose.HeaderKey]any{"typ": "dpop+jwt", "jwk": public}
	mine := jose.SigningKey{Algorithm: jose.ES256, Key: me.Key}
	publicJSON, err := json.Marshal(public)
	require.NoError(t, err)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	encode := base64.RawURLEncoding.EncodeToString
	body, err := json.Marshal(good)
	require.NoError(t, err)
	private, err := json.Marshal(map[string]any{"alg": "ES256", "typ": "dpop+jwt", "jwk": jose.JSONWebKey{Key: me.Key}})
	require.NoError(t, err)
	unsigned := encode([]byte(fmt.Sprintf(`{"alg":"none","typ":"dpop+jwt","jwk":%s}`, publicJSON))) + "." + encode(body) + "."
	parts := strings.Split(me.Sign(good), ".")
	past, ahead := time.Now().Add(-2*time.Minute).Unix(), time.Now().Add(time.Minute).Unix()

	for name, tc := range map[string]struct {
		proofs []string
		code   string
	}{
		"no proof":                 {nil, dpop.InvalidProof},
		"two proofs":               {[]string{me.Sign(good), me.Sign(good)}, dpop.InvalidProof},
		"garbage":                  {[]string{"garbage"}, dpop.InvalidProof},
		"far too long":             {[]string{strings.Repeat("a", 1<<16)}, dpop.InvalidProof},
		"two in one field":         {[]string{me.Sign(good) + ", " + me.Sign(good)}, dpop.InvalidProof},
		"typ of a plain JWT":       {[]string{dpoptest.Sign(t, mine, good, map[jose.HeaderKey]any{"typ": "JWT", "jwk": public})}, dpop.InvalidProof},
		"no typ":                   {[]string{dpoptest.Sign(t, mine, good, map[jose.HeaderKey]any{"jwk": public})}, dpop.InvalidProof},
		"alg none":                 {[]string{unsigned}, dpop.InvalidProof},
		"HS256 with the key":       {[]string{dpoptest.Sign(t, jose.SigningKey{Algorithm: jose.HS256, Key: publicJSON}, good, header)}, dpop.InvalidProof},
		"no key":                   {[]string{dpoptest.Sign(t, mine, good, map[jose.HeaderKey]any{"typ": "dpop+jwt"})}, dpop.InvalidProof},
		"a private key":            {[]string{encode(private) + "." + parts[1] + "." + parts[2]}, dpop.InvalidProof},
		"a short RSA key":          {[]string{dpoptest.Sign(t, jose.SigningKey{Algorithm: jose.PS256, Key: small}, good, map[jose.HeaderKey]any{"typ": "dpop+jwt", "jwk": jose.JSONWebKey{Key: small.Public()}})}, dpop.InvalidProof},
		"signed by another key":    {[]string{dpoptest.Sign(t, jose.SigningKey{Algorithm: jose.ES256, Key: thief.Key}, good, header)}, dpop.InvalidProof},
		"changed claims":           {[]string{parts[0] + "." + encode([]byte(strings.Replace(string(body), "GET", "PUT", 1))) + "." + parts[2]}, dpop.InvalidProof},
		"the thief's own proof":    {[]string{thief.Sign(good)}, dpop.InvalidToken},
		"no jti":                   {[]string{me.Sign(with("jti", nil))}, dpop.InvalidProof},
		"empty jti":                {[]string{me.Sign(with("jti", ""))}, dpop.InvalidProof},
		"jti far too long":         {[]string{me.Sign(with("jti", strings.Repeat("a", 1000)))}, dpop.InvalidProof},
		"no htm":                   {[]string{me.Sign(with("htm", nil))}, dpop.InvalidProof},
		"another method":           {[]string{me.Sign(with("htm", "POST"))}, dpop.InvalidProof},
		"the method in small":      {[]string{me.Sign(with("htm", "get"))}, dpop.InvalidProof},
		"no htu":                   {[]string{me.Sign(with("htu", nil))}, dpop.InvalidProof},
		"another path":             {[]string{me.Sign(with("htu", api+"/v1/account"))}, dpop.InvalidProof},
		"a path that goes on":      {[]string{me.Sign(with("htu", uri+"/"))}, dpop.InvalidProof},
		"a path to be decoded":     {[]string{me.Sign(with("htu", api+"/v1/%64ocuments"))}, dpop.InvalidProof},
		"another host":             {[]string{me.Sign(with("htu", "https://evil.example:8443/v1/documents"))}, dpop.InvalidProof},
		"another port":             {[]string{me.Sign(with("htu", "https://api.example/v1/documents"))}, dpop.InvalidProof},
		"without TLS":              {[]string{me.Sign(with("htu", "http://api.example:8443/v1/documents"))}, dpop.InvalidProof},
		"a host in the user part":  {[]string{me.Sign(with("htu", "https://api.example:8443@evil.example/v1/documents"))}, dpop.InvalidProof},
		"no host":                  {[]string{me.Sign(with("htu", "/v1/documents"))}, dpop.InvalidProof},
		"no iat":                   {[]string{me.Sign(with("iat", nil))}, dpop.InvalidProof},
		"iat a text":               {[]string{me.Sign(with("iat", "now"))}, dpop.InvalidProof},
		"too old":                  {[]string{me.Sign(with("iat", past))}, dpop.InvalidProof},
		"from the future":          {[]string{me.Sign(with("iat", ahead))}, dpop.InvalidProof},
		"far beyond the calendar":  {[]string{me.Sign(with("iat", int64(1)<<62))}, dpop.InvalidProof},
		"no ath":                   {[]string{me.Sign(with("ath", nil))}, dpop.InvalidProof},
		"for another access token": {[]string{me.Sign(dpoptest.Claims("GET", uri, "another"))}, dpop.InvalidProof},
	} {
		t.Run(name, func(t *testing.T) {
			err := verifier(t, false).Verify(request(me, tc.proofs...))
			var refusal *dpop.Refusal
			require.ErrorAs(t, err, &refusal)
			require.Equal(t, tc.code, refusal.Code, refusal.Reason)
			require.Contains(t, dpop.Challenge(refusal), `error="`+tc.code+`"`)
		})
	}
}

func TestAccepted(t *testing.T) {
	v := verifier(t, false)
	me := dpoptest.New(t)
	for _, u := range []string{uri, uri + "?limit=5#top", "HTTPS://API.example:8443/v1/documents", "https://other.example:443/v1/documents", "https://other.example/v1/documents"} {
		require.NoError(t, v.Verify(request(me, me.Proof("GET", u, token))), u)
	}
	require.NoError(t, v.Verify(request(me, me.Sign(with("iat", time.Now().Add(-50*time.Second).Unix())))))
	require.NoError(t, v.Verify(request(me, me.Sign(with("iat", time.Now().Add(10*time.Second).Unix())))))

	_, ed, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	big, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	for algorithm, key := range map[jose.SignatureAlgorithm]interface{ Public() any }{jose.EdDSA: signer{ed}, jose.PS256: signer{big}, jose.RS256: signer{big}} {
		raw := dpoptest.Sign(t, jose.SigningKey{Algorithm: algorithm, Key: key.(signer).key}, dpoptest.Claims("GET", uri, token),
			map[jose.HeaderKey]any{"typ": "dpop+jwt", "jwk": jose.JSONWebKey{Key: key.Public()}})
		err := v.Verify(request(me, raw))
		var refusal *dpop.Refusal
		require.ErrorAs(t, err, &refusal, algorithm)
		require.Equal(t, dpop.InvalidToken, refusal.Code, "a good proof, of another key")
	}
}

type signer struct{ key any }

func (s signer) Public() any {
	switch k := s.key.(type) {
	case ed25519.PrivateKey:
		return k.Public()
	case *rsa.PrivateKey:
		return k.Public()
	case *ecdsa.PrivateKey:
		return k.Public()
	}
	return nil
}

func TestReplay(t *testing.T) {
	v := verifier(t, false)
	now := time.Now()
	v.SetClock(func() time.Time { return now })
	me, other := dpoptest.New(t), dpoptest.New(t)
	claims := with("jti", "1")
	require.NoError(t, v.Verify(request(me, me.Sign(claims))))
	for range 8 { // until past its life, another signature doesn't make it another proof
		var refusal *dpop.Refusal
		require.ErrorAs(t, v.Verify(request(me, me.Sign(claims))), &refusal)
		require.Equal(t, dpop.InvalidProof, refusal.Code)
		now = now.Add(10 * time.Second)
	}
	now = time.Now()
	require.NoError(t, v.Verify(request(other, other.Sign(claims))), "an ID is its key's own")
}

// TestReplayMemoryIsBounded: when it is full, no proof is accepted that couldn't be remembered; a minute later it is empty again.
func TestReplayMemoryIsBounded(t *testing.T) {
	v := verifier(t, false)
	now := time.Now()
	v.SetClock(func() time.Time { return now })
	v.SetMax(100)
	me := dpoptest.New(t)
	for range 100 {
		require.NoError(t, v.Verify(request(me, me.Proof("GET", uri, token))))
	}
	err := v.Verify(request(me, me.Proof("GET", uri, token)))
	require.Equal(t, fault.Unavailable, fault.KindOf(err))
	require.Positive(t, fault.RetryDelay(err))
	now = now.Add(80 * time.Second)
	require.NoError(t, v.Verify(request(me, me.Sign(with("iat", now.Unix())))))
}

func TestNonce(t *testing.T) {
	require.Empty(t, verifier(t, false).Nonce())
	v, stranger := verifier(t, true), verifier(t, true)
	now := time.Now()
	v.SetClock(func() time.Time { return now })
	me := dpoptest.New(t)
	proof := func(nonce any) string {
		c := with("nonce", nonce)
		c["iat"] = now.Unix()
		return me.Sign(c)
	}
	for _, nonce := range []any{nil, "", "made-up", stranger.Nonce()} {
		var refusal *dpop.Refusal
		require.ErrorAs(t, v.Verify(request(me, proof(nonce))), &refusal)
		require.Equal(t, dpop.UseNonce, refusal.Code)
	}
	nonce := v.Nonce()
	require.NoError(t, v.Verify(request(me, proof(nonce))))
	now = now.Add(5 * time.Minute)
	require.NotEqual(t, nonce, v.Nonce())
	require.NoError(t, v.Verify(request(me, proof(nonce))), "the one before is still good")
	now = now.Add(5 * time.Minute)
	var refusal *dpop.Refusal
	require.ErrorAs(t, v.Verify(request(me, proof(nonce))), &refusal)
}

func TestOrigins(t *testing.T) {
	for _, o := range []string{"", "api.example", "http://api.example", "https://", "https://api.example/", "https://api.example/v1", "https://a@api.example", "https://api.example?x", "https://api.example#x"} {
		_, err := dpop.New(dpop.Config{Origins: []string{o}})
		require.Error(t, err, o)
	}
}

// FuzzProof: no proof without the victim's key is accepted, and none ends the process.
func FuzzProof(f *testing.F) {
	me := dpoptest.New(f)
	good := me.Proof("GET", uri, token)
	f.Add(good)
	f.Add(me.Sign(map[string]any{"jti": 1, "htu": "\x00", "iat": 1e300}))
	f.Add("a.b.c")
	f.Add(`{"payload":"","signatures":[]}`)
	v, victim := verifier(f, false), dpoptest.New(f)
	f.Fuzz(func(t *testing.T, raw string) {
		require.Error(t, v.Verify(request(victim, raw)))
	})
}

// FuzzClaims: a proof that is well signed is accepted for exactly the method and path that it names.
func FuzzClaims(f *testing.F) {
	me := dpoptest.New(f)
	f.Add("GET", "/v1/documents")
	f.Add("get", "//v1/documents?x#y")
	f.Add("POST", "@evil/v1/documents")
	v := verifier(f, false)
	f.Fuzz(func(t *testing.T, method, path string) {
		raw := dpoptest.Sign(t, jose.SigningKey{Algorithm: jose.ES256, Key: me.Key}, dpoptest.Claims(method, api+path, token),
			map[jose.HeaderKey]any{"typ": "dpop+jwt", "jwk": jose.JSONWebKey{Key: me.Key.Public()}})
		if v.Verify(request(me, raw)) == nil {
			path, _, _ = strings.Cut(path, "#")
			path, _, _ = strings.Cut(path, "?")
			require.Equal(t, "GET /v1/documents", method+" "+path)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	v, me := verifier(b, false), dpoptest.New(b)
	proofs := make([]string, 1<<12)
	for i := range proofs {
		proofs[i] = me.Proof("GET", uri, token)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		_ = v.Verify(request(me, proofs[i%len(proofs)]))
	}
}
