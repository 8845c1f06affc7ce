package mesh

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"hash"
	"math/big"
)

// JWS is a token to make (RFC 7515), good or bad: nothing is checked.
type JWS struct {
	Header  any    `js:"header"`  // an object, or a string that is taken as it is
	Payload any    `js:"payload"` // likewise
	Sign    string `js:"sign"`    // none, HS256, HS512, RS256, PS256, ES256, EdDSA: how, whatever the header says
	Key     Bytes  `js:"key"`     // the HMAC's secret, or a PKCS #8 key in PEM
}

// jws returns the compact serialization.
func (i *instance) jws(j JWS) (string, error) {
	if err := i.guard.Count(); err != nil {
		return "", err
	}
	header, err := part(j.Header)
	if err != nil {
		return "", fmt.Errorf("header: %w", err)
	}
	payload, err := part(j.Payload)
	if err != nil {
		return "", fmt.Errorf("payload: %w", err)
	}
	input := encode(header) + "." + encode(payload)
	signature, err := sign(j.Sign, j.Key, []byte(input))
	if err != nil {
		return "", err
	}
	return input + "." + encode(signature), nil
}

func part(v any) ([]byte, error) {
	if text, ok := v.(string); ok {
		return []byte(text), nil
	}
	return json.Marshal(v)
}

func encode(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

func sign(how string, key, input []byte) ([]byte, error) {
	switch how {
	case "", "none":
		return nil, nil
	case "HS256":
		return mac(sha256.New, key, input), nil
	case "HS512":
		return mac(sha512.New, key, input), nil
	}
	block, _ := pem.Decode(key)
	if block == nil {
		return nil, errors.New("key is no PEM")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	digest := sha256.Sum256(input)
	switch k := parsed.(type) {
	case *rsa.PrivateKey:
		if how == "PS256" {
			return rsa.SignPSS(rand.Reader, k, crypto.SHA256, digest[:], nil)
		}
		return rsa.SignPKCS1v15(rand.Reader, k, crypto.SHA256, digest[:])
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, k, digest[:])
		if err != nil {
			return nil, err
		}
		raw := make([]byte, 64) // RFC 7518, section 3.4
		r.FillBytes(raw[:32])
		s.FillBytes(raw[32:])
		return raw, nil
	case ed25519.PrivateKey:
		return ed25519.Sign(k, input), nil
	}
	return nil, fmt.Errorf("no way to sign %q with a %T", how, parsed)
}

func mac(h func() hash.Hash, key, input []byte) []byte {
	m := hmac.New(h, key)
	m.Write(input)
	return m.Sum(nil)
}

// JWK asks for a key of the attacker's own.
type JWK struct {
	Type string `js:"type"` // RSA, EC or OKP
	Kid  string `js:"kid"`
}

// Key is one: private in PEM, public as a JWK (RFC 7517) and in PEM.
type Key struct {
	Private string         `js:"private"`
	Public  string         `js:"public"`
	JWK     map[string]any `js:"jwk"`
}

func (i *instance) jwk(ask JWK) (*Key, error) {
	if err := i.guard.Count(); err != nil {
		return nil, err
	}
	private, public, jwk, err := newKey(ask.Type)
	if err != nil {
		return nil, err
	}
	if ask.Kid != "" {
		jwk["kid"] = ask.Kid
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	publicDER, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	return &Key{Private: toPEM("PRIVATE KEY", der), Public: toPEM("PUBLIC KEY", publicDER), JWK: jwk}, nil
}

func newKey(kind string) (private, public any, jwk map[string]any, err error) {
	switch kind {
	case "RSA":
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return nil, nil, nil, err
		}
		return k, k.Public(), map[string]any{"kty": "RSA", "n": encode(k.N.Bytes()), "e": encode(big.NewInt(int64(k.E)).Bytes())}, nil
	case "EC", "":
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, nil, nil, err
		}
		point, err := k.PublicKey.Bytes() // uncompressed: 4, x, y
		if err != nil {
			return nil, nil, nil, err
		}
		return k, k.Public(), map[string]any{"kty": "EC", "crv": "P-256", "x": encode(point[1:33]), "y": encode(point[33:])}, nil
	case "OKP":
		public, k, err := ed25519.GenerateKey(rand.Reader)
		return k, public, map[string]any{"kty": "OKP", "crv": "Ed25519", "x": encode(public)}, err
	}
	return nil, nil, nil, fmt.Errorf("there is no key type %q: RSA, EC or OKP", kind)
}

func toPEM(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func certificatePEM(der []byte) string { return toPEM("CERTIFICATE", der) }
