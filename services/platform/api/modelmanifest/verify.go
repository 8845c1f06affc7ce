package modelmanifest

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// What Verify and CheckBlob refuse with, for errors.Is.
var (
	ErrSignature = errors.New("signature doesn't verify")
	ErrDigest    = errors.New("content doesn't match its digest")
)

// context separates these signatures from any other use that the key may ever get.
const context = "redoubt.model-manifest.v1\n"

// SigningBytes returns what the signature covers: a context line and the manifest, without key_version and signature,
// as canonical JSON (RFC 8785: keys sorted, no white space, one spelling of each value; the checked forms of names,
// versions and digests need no escapes, and times are UTC).
func (m Manifest) SigningBytes() []byte {
	body, err := json.Marshal(struct {
		CreatedAt string `json:"created_at"`
		Digest    Digest `json:"digest"`
		Name      string `json:"name"`
		Size      int64  `json:"size"`
		Version   string `json:"version"`
	}{m.CreatedAt.UTC().Format(time.RFC3339Nano), m.Digest, m.Name, m.Size, m.Version})
	if err != nil {
		panic(err) // strings and a number: can't fail
	}
	return append([]byte(context), body...)
}

// Verify checks form and signature with the public keys by version. It asks nobody. The caller still compares Name
// with what it asked for: a signed manifest of another model verifies too.
func (m Manifest) Verify(keys map[int]ed25519.PublicKey) error {
	if err := m.Check(); err != nil {
		return fmt.Errorf("verify manifest: %w", err)
	}
	key, ok := keys[m.KeyVersion]
	if !ok || len(key) != ed25519.PublicKeySize {
		return fmt.Errorf("verify manifest: no public key of version %d: %w", m.KeyVersion, ErrSignature)
	}
	if !ed25519.Verify(key, m.SigningBytes(), m.Signature) {
		return fmt.Errorf("verify manifest: %w", ErrSignature)
	}
	return nil
}

// CheckBlob reads r to its end, at most one byte past Size, and compares its length and digest with the manifest's.
func (m Manifest) CheckBlob(r io.Reader) error {
	got, n, err := DigestOf(io.LimitReader(r, m.Size+1))
	if err != nil {
		return fmt.Errorf("check blob: %w", err)
	}
	if n != m.Size || got != m.Digest {
		return fmt.Errorf("check blob %s: %w", m.Digest, ErrDigest)
	}
	return nil
}

// DigestOf reads r to its end and returns the digest and the number of bytes.
func DigestOf(r io.Reader) (Digest, int64, error) {
	h := sha256.New()
	n, err := io.Copy(h, r)
	if err != nil {
		return "", n, err
	}
	return Digest("sha256:" + hex.EncodeToString(h.Sum(nil))), n, nil
}
