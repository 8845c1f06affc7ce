package authn

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"redoubt.example/services/platform/fault"
)

const (
	// maxLength bounds the work that an unverified token can cause.
	maxLength = 4096
	// clockSkew is how far the minter's clock may run ahead of ours. Expiry gets none: tokens are short, and
	// a clock that runs behind only makes them shorter.
	clockSkew = 2 * time.Second
)

// algorithms is the whole list: a token can't choose how it is verified (RFC 8725, section 3.1).
var algorithms = []jose.SignatureAlgorithm{jose.EdDSA}

// Verifier checks transaction tokens against the gateway's public keys. Safe for concurrent use.
type Verifier struct {
	keys  *keySet
	cache cache
}

// NewVerifier returns a verifier that gets the JWK Set by fetch: on first use, when a token names an unknown
// key (at most once a second), and in the background before the set grows old.
func NewVerifier(fetch func(context.Context) ([]byte, error)) *Verifier {
	return &Verifier{keys: newKeySet(fetch)}
}

// Verify checks signature, type, audience, issuer, times and the presence of every claim. trustDomain is that
// of the caller's SPIFFE ID: the mesh let the connection in because it is also ours, so a token minted for
// another domain is refused without configuring our own name a second time.
//
// The error is fault.Unauthenticated for a bad token, and fault.Unavailable when the keys can't be had.
func (v *Verifier) Verify(ctx context.Context, raw, trustDomain string) (*Token, error) {
	now := time.Now()
	if t, ok := v.cache.get(raw); ok {
		if err := checkUse(t, trustDomain, now); err != nil {
			return nil, err
		}
		return t, nil
	}
	t, err := v.verify(ctx, raw, trustDomain, now)
	if err != nil {
		return nil, err
	}
	v.cache.put(raw, t)
	return t, nil
}

func (v *Verifier) verify(ctx context.Context, raw, trustDomain string, now time.Time) (*Token, error) {
	if raw == "" || trustDomain == "" {
		return nil, refuse("missing")
	}
	if len(raw) > maxLength {
		return nil, refuse("too long")
	}
	if err := checkHeader(raw); err != nil {
		return nil, err
	}
	signed, err := jose.ParseSignedCompact(raw, algorithms)
	if err != nil {
		return nil, refuse("malformed, or not signed with EdDSA")
	}
	key, err := v.keys.get(ctx, signed.Signatures[0].Protected.KeyID)
	if err != nil {
		return nil, err
	}
	body, err := signed.Verify(key)
	if err != nil {
		return nil, refuse("signature doesn't verify")
	}
	var c claims
	if err := json.Unmarshal(body, &c); err != nil {
		return nil, refuse("claims malformed")
	}
	return c.token(raw, trustDomain, now)
}

// checkHeader allows exactly alg, kid and typ. Anything else (jku, jwk, x5u, x5c, crit, zip) would let the
// token say where its key comes from or how to read it.
func checkHeader(raw string) error {
	encoded, _, _ := strings.Cut(raw, ".")
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return refuse("header malformed")
	}
	var header map[string]string
	if err := json.Unmarshal(text, &header); err != nil {
		return refuse("header malformed, or with a parameter that isn't text")
	}
	if header["typ"] != tokenType {
		return refuse("not a transaction token (typ)")
	}
	if header["kid"] == "" || header["alg"] == "" || len(header) != 3 {
		return refuse("header must have alg, kid and typ and nothing else")
	}
	return nil
}

func (c claims) token(raw, trustDomain string, now time.Time) (*Token, error) {
	scopes := strings.Fields(c.Scope)
	switch {
	case c.Txn == "" || c.Subject == "" || c.Requester == "" || c.Context.Entry == "" || len(scopes) == 0 || c.IssuedAt == 0 || c.Expires == 0:
		return nil, refuse("a required claim is missing")
	case c.Issuer != issuer(trustDomain):
		return nil, refuse("wrong issuer")
	case time.Unix(c.IssuedAt, 0).After(now.Add(clockSkew)):
		return nil, refuse("issued in the future")
	case c.Expires-c.IssuedAt > int64(Lifetime/time.Second):
		return nil, refuse("lives longer than allowed")
	}
	t := &Token{Txn: c.Txn, Subject: c.Subject, Scopes: scopes, Entry: c.Context.Entry, Requester: c.Requester, Client: c.Client,
		Audience: c.Audience, Expires: time.Unix(c.Expires, 0), Raw: raw}
	if err := checkUse(t, trustDomain, now); err != nil {
		return nil, err
	}
	return t, nil
}

// checkUse is what can change between two uses of the same token.
func checkUse(t *Token, trustDomain string, now time.Time) error {
	if t.Audience != trustDomain {
		return refuse("for another trust domain")
	}
	if !now.Before(t.Expires) {
		return refuse("expired")
	}
	return nil
}

// errRefused is wrapped by every refusal, beneath the fault.
var errRefused = errors.New("transaction token refused")

func refuse(why string) error {
	return fault.Wrap(fault.Unauthenticated, errRefused, "transaction token: %s", why)
}
