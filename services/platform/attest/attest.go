// Package attest issues workload identity documents: signed JWTs (RFC 7519) that say which workload their
// bearer is. In Kubernetes the kubelet's projected service account tokens play this part; in the lab the
// supervisor does, because it alone knows which process it started under which user id.
//
// A document lives two minutes and names one audience, so one that is stolen opens one door, briefly. Nobody
// can revoke it: to shut a workload out, stop issuing to it.
package attest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

const (
	// IssuerName is the iss claim; Consul and Vault accept no other.
	IssuerName = "redoubt-attest"
	// AudienceConsul and AudienceVault are the aud claims: a document for one is refused by the other.
	AudienceConsul = "consul"
	AudienceVault  = "vault"
	// TTL is a document's whole life.
	TTL = 2 * time.Minute
)

// Issuer signs documents with a key that exists only in this process.
type Issuer struct {
	// Log reports documents that could not be rewritten; slog.Default() when nil.
	Log *slog.Logger

	signer jose.Signer
	public []byte
}

// NewIssuer makes an issuer with a fresh ES256 key: the strongest algorithm that Vault's and Consul's JWT auth
// methods both verify from a plain public key.
func NewIssuer() (*Issuer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make attestation key: %w", err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("encode attestation key: %w", err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key},
		(&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return nil, fmt.Errorf("make attestation signer: %w", err)
	}
	return &Issuer{
		signer: signer,
		public: pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}),
	}, nil
}

// PublicKeyPEM is what a verifier needs: Consul's and Vault's JWT auth methods are configured with it.
func (i *Issuer) PublicKeyPEM() []byte { return i.public }

// Token issues one document. It is a credential: keep it out of logs, arguments and environments.
func (i *Issuer) Token(subject, audience string) (string, error) {
	return i.token(subject, audience, subject)
}

// claims are a document's. The instance tells several processes of one subject apart, so that what one of them
// got can be taken back when it has ended, and the others' not.
type claims struct {
	jwt.Claims
	Instance string `json:"instance"`
}

func (i *Issuer) token(subject, audience, instance string) (string, error) {
	if subject == "" || audience == "" {
		return "", fmt.Errorf("issue document: a subject and an audience are needed")
	}
	now := time.Now()
	token, err := jwt.Signed(i.signer).Claims(claims{Instance: instance, Claims: jwt.Claims{
		Issuer:    IssuerName,
		Subject:   subject,
		Audience:  jwt.Audience{audience},
		IssuedAt:  jwt.NewNumericDate(now),
		NotBefore: jwt.NewNumericDate(now),
		Expiry:    jwt.NewNumericDate(now.Add(TTL)),
		ID:        rand.Text(),
	}}).Serialize()
	if err != nil {
		return "", fmt.Errorf("sign document for %s: %w", subject, err)
	}
	return token, nil
}

func (i *Issuer) log() *slog.Logger {
	if i.Log != nil {
		return i.Log
	}
	return slog.Default()
}
