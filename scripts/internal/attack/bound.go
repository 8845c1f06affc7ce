package attack

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// bound is a token of alice's that is bound to a key of hers (RFC 9449), and that key: what her honest twin makes proofs with.
func (p *player) bound(ctx context.Context) (map[string]any, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	public := jose.JSONWebKey{Key: key.Public()}
	sum, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	token, err := p.lab.Client.BoundToken(ctx, "alice", nil, base64.RawURLEncoding.EncodeToString(sum))
	if err != nil {
		return nil, fmt.Errorf("get a token that is bound to a key: %w", err)
	}
	return map[string]any{"access_token": token, "jwk": public, "key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))}, nil
}
