package controlplanetest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// issuer stands in for services/platform/attest, which this module must not import: the same claims.
type issuer struct {
	signer jose.Signer
	public []byte
}

func newIssuer() (*issuer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, nil)
	if err != nil {
		return nil, err
	}
	return &issuer{signer: signer, public: pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})}, nil
}

func (i *issuer) Token(subject, audience string) (string, error) {
	return i.sign(Claims(subject, audience))
}

func (i *issuer) sign(claims jwt.Claims) (string, error) {
	return jwt.Signed(i.signer).Claims(claims).Serialize()
}

// Claims are those of a good document. Tests of denials spoil one.
func Claims(subject, audience string) jwt.Claims {
	now := time.Now()
	return jwt.Claims{
		Issuer: "redoubt-attest", Subject: subject, Audience: jwt.Audience{audience}, ID: rand.Text(),
		IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(2 * time.Minute)),
	}
}

// Sign signs any claims with the control plane's attestation key.
func (e *Env) Sign(claims jwt.Claims) (string, error) { return e.issuer.sign(claims) }

// keep writes a document and rewrites it each minute while ctx lasts.
func (i *issuer) keep(ctx context.Context, path, subject, audience string) error {
	write := func() error {
		token, err := i.Token(subject, audience)
		if err != nil {
			return err
		}
		if err := os.WriteFile(path+".new", []byte(token), 0o600); err != nil {
			return err
		}
		return os.Rename(path+".new", path)
	}
	if err := write(); err != nil {
		return err
	}
	go func() {
		tick := time.NewTicker(time.Minute)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				_ = write() // the folder may be on its way out
			}
		}
	}()
	return nil
}
