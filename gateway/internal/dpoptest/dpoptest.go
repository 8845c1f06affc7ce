// Package dpoptest is a client that makes DPoP proofs (RFC 9449) for tests, right or wrong.
package dpoptest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"
)

// Client has a key that tokens can be bound to.
type Client struct {
	Key        crypto.Signer
	Thumbprint string // for a token's cnf.jkt

	t testing.TB
}

// New makes a client with a P-256 key.
func New(t testing.TB) *Client {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	sum, err := (&jose.JSONWebKey{Key: key.Public()}).Thumbprint(crypto.SHA256)
	require.NoError(t, err)
	return &Client{Key: key, Thumbprint: base64.RawURLEncoding.EncodeToString(sum), t: t}
}

// Claims are those of a good proof, for a test to spoil.
func Claims(method, uri, token string) map[string]any {
	sum := sha256.Sum256([]byte(token))
	return map[string]any{"jti": rand.Text(), "htm": method, "htu": uri, "iat": time.Now().Unix(),
		"ath": base64.RawURLEncoding.EncodeToString(sum[:])}
}

// Proof makes a good one.
func (c *Client) Proof(method, uri, token string) string { return c.Sign(Claims(method, uri, token)) }

// Sign makes a proof of any claims.
func (c *Client) Sign(claims map[string]any) string {
	return Sign(c.t, jose.SigningKey{Algorithm: jose.ES256, Key: c.Key}, claims,
		map[jose.HeaderKey]any{"typ": "dpop+jwt", "jwk": jose.JSONWebKey{Key: c.Key.Public()}})
}

// Sign makes a proof of any claims, header and key.
func Sign(t testing.TB, key jose.SigningKey, claims map[string]any, header map[jose.HeaderKey]any) string {
	signer, err := jose.NewSigner(key, &jose.SignerOptions{ExtraHeaders: header})
	require.NoError(t, err)
	body, err := json.Marshal(claims)
	require.NoError(t, err)
	signed, err := signer.Sign(body)
	require.NoError(t, err)
	raw, err := signed.CompactSerialize()
	require.NoError(t, err)
	return raw
}
