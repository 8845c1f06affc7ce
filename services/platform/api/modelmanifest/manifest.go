// Package modelmanifest is the signed description of one version of a model: what modelstore publishes and what
// inference verifies, offline, before it trusts a single weight.
package modelmanifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// MaxBytes bounds an encoded manifest: a reader needs no more, and a hostile store gets no more.
const MaxBytes = 4 << 10

// Manifest names one immutable artifact. Signature covers every other field but KeyVersion, which only says which
// key to verify with: another version's key doesn't verify.
type Manifest struct {
	Name       string    `json:"name"`
	Version    string    `json:"version"`
	Digest     Digest    `json:"digest"`
	Size       int64     `json:"size"`
	CreatedAt  time.Time `json:"created_at"`
	KeyVersion int       `json:"key_version"`
	Signature  []byte    `json:"signature"` // Ed25519 over SigningBytes
}

// Parse decodes a manifest and checks its form, not its signature: call Verify before believing it. A field that
// isn't known is refused, since the signature wouldn't cover it.
func Parse(data []byte) (Manifest, error) {
	if len(data) > MaxBytes {
		return Manifest{}, fmt.Errorf("parse manifest: more than %d bytes", MaxBytes)
	}
	var m Manifest
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil {
		return Manifest{}, fmt.Errorf("parse manifest: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Manifest{}, errors.New("parse manifest: trailing data")
	}
	if err := m.Check(); err != nil {
		return Manifest{}, fmt.Errorf("parse manifest: %w", err)
	}
	return m, nil
}

// Check tells what is wrong with the manifest's form.
func (m Manifest) Check() error {
	if err := CheckName(m.Name); err != nil {
		return err
	}
	if err := CheckVersion(m.Version); err != nil {
		return err
	}
	if _, err := ParseDigest(string(m.Digest)); err != nil {
		return err
	}
	if m.Size <= 0 {
		return errors.New("size must be positive")
	}
	if m.CreatedAt.IsZero() {
		return errors.New("created_at is missing")
	}
	return nil
}
