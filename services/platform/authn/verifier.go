package authn

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/fault"
)

const (
	// maxLength bounds the work that an unverified token can cause.
	maxLength = 4096
	// clockSkew is how far the minter's clock may run ahead of ours. Expiry gets none: tokens are short, and
	// a clock that runs behind only makes them shorter.
	clockSkew = 2 * time.Second
	// maxSignature is that of an Ed25519 signature in base64.
	maxSignature = 86
)

// strictBase64 takes one spelling only: else a token would have several, each a miss of the cache.
var strictBase64 = base64.RawURLEncoding.Strict()

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
	if !controls.On(controls.AppTxnToken) {
		return unverified(raw), nil
	}
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

// VerifyAnew is Verify for a second check: it verifies the signature whatever was verified before, and whether or not
// app.txn-token is on.
func (v *Verifier) VerifyAnew(ctx context.Context, raw, trustDomain string) (*Token, error) {
	return v.verify(ctx, raw, trustDomain, time.Now())
}

func (v *Verifier) verify(ctx context.Context, raw, trustDomain string, now time.Time) (*Token, error) {
	if raw == "" || trustDomain == "" {
		return nil, refuse("missing")
	}
	if len(raw) > maxLength {
		return nil, refuse("too long")
	}
	header, rest, _ := strings.Cut(raw, ".")
	payload, signature, ok := strings.Cut(rest, ".")
	if !ok {
		return nil, refuse("malformed")
	}
	keyID, err := v.keys.headerKey(header)
	if err != nil {
		return nil, err
	}
	key, err := v.keys.get(ctx, keyID)
	if err != nil {
		return nil, err
	}
	var sig [ed25519.SignatureSize + 3]byte // and what base64 may write beyond
	n, err := strictBase64.Decode(sig[:], []byte(signature[:min(len(signature), maxSignature)]))
	if err != nil || n != ed25519.SignatureSize || len(signature) > maxSignature {
		return nil, refuse("malformed")
	}
	if !ed25519.Verify(key, []byte(raw[:len(header)+1+len(payload)]), sig[:n]) {
		return nil, refuse("signature doesn't verify")
	}
	v.keys.rememberHeader(header, keyID)
	body, err := strictBase64.DecodeString(payload)
	if err != nil {
		return nil, refuse("malformed")
	}
	var c claims
	if err := json.Unmarshal(body, &c); err != nil {
		return nil, refuse("claims malformed")
	}
	return c.token(raw, trustDomain, now)
}

// unverified is what a token says of itself, or nothing: app.txn-token is off.
func unverified(raw string) *Token {
	var c claims
	if parts := strings.Split(raw, "."); len(parts) > 1 {
		if body, err := base64.RawURLEncoding.DecodeString(parts[1]); err == nil {
			_ = json.Unmarshal(body, &c) // what can't be read says nothing
		}
	}
	return &Token{Txn: c.Txn, Subject: c.Subject, Scopes: strings.Fields(c.Scope), Entry: c.Context.Entry, Requester: c.Requester,
		Client: c.Client, Audience: c.Audience, Expires: time.Unix(c.Expires, 0), Raw: raw}
}

func (c claims) token(raw, trustDomain string, now time.Time) (*Token, error) {
	scopes := strings.Fields(c.Scope)
	switch {
	case c.Txn == "" || c.Subject == "" || c.Requester == "" || c.Context.Entry == "" || len(scopes) == 0 || c.IssuedAt == 0 || c.Expires == 0:
		return nil, refuse("a required claim is missing")
	case c.Issuer != issuer(trustDomain):
		return nil, refuse("wrong issuer")
	case !strings.HasPrefix(c.Requester, c.Issuer+"/"):
		return nil, refuse("requested by a workload of another trust domain")
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
