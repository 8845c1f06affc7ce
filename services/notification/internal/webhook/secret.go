// Package webhook is both directions of signed webhooks, after the Standard Webhooks specification
// (github.com/standard-webhooks/standard-webhooks): endpoints that we deliver to, and sources that deliver to us.
package webhook

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"redoubt.example/services/platform/config"
)

const (
	secretPrefix = "whsec_"
	secretBytes  = 32 // the specification allows 24 to 64
)

// Secret is a shared signing key. It prints as [redacted].
type Secret struct{ text config.Secret }

// NewSecret makes a random one.
func NewSecret() Secret {
	key := make([]byte, secretBytes)
	_, _ = rand.Read(key) // never fails: crypto/rand ends the process instead
	return secretOf(key)
}

// ParseSecret reads the written form, whsec_ and base64. The error doesn't quote it.
func ParseSecret(text string) (Secret, error) {
	encoded, ok := strings.CutPrefix(text, secretPrefix)
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || len(key) < 24 || len(key) > 64 {
		return Secret{}, errors.New("a webhook secret is whsec_ and the base64 of 24 to 64 bytes")
	}
	return secretOf(key), nil
}

// Reveal returns the written form, to be shown to its owner once.
func (s Secret) Reveal() string { return s.text.Reveal() }

// Format prints nothing of the secret, whatever the verb.
func (s Secret) Format(f fmt.State, verb rune) { s.text.Format(f, verb) }

// MarshalText prints nothing of the secret, for JSON and slog.
func (s Secret) MarshalText() ([]byte, error) { return s.text.MarshalText() }

func (s Secret) key() []byte {
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(s.text.Reveal(), secretPrefix))
	return key
}

func secretOf(key []byte) Secret {
	return Secret{config.NewSecret(secretPrefix + base64.StdEncoding.EncodeToString(key))}
}

// Sealer encrypts secrets for storage. Sealed text opens only with the associated data that it was sealed with, so
// that a row's secret is of no use in another row.
type Sealer interface {
	Encrypt(ctx context.Context, plain, associated []byte) (string, error)
	Decrypt(ctx context.Context, sealed string, associated []byte) ([]byte, error)
}
