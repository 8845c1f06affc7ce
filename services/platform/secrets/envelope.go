package secrets

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// Envelope encrypts records at rest with envelope encryption: each record has a data key of its own (AES-256-GCM, NIST SP
// 800-38D), which is kept beside it, wrapped by a key of Vault's that never leaves Vault. A rotation of that key
// touches the wrapping alone.
//
// A sealed record is text: "vault:v<key version>:<wrapped data key>.<nonce and ciphertext>".
type Envelope struct{ transit *Transit }

// Envelope names the transit key that wraps. The workload needs datakey/plaintext, decrypt and rewrap of it.
func (v *Vault) Envelope(key string) *Envelope { return &Envelope{v.Transit(key)} }

var errSealed = errors.New("open sealed record: it isn't one, or not with this associated data")

// Encrypt seals a record. It opens only with the same associated data: bind it to the row that it belongs to.
func (e *Envelope) Encrypt(ctx context.Context, plain, associated []byte) (string, error) {
	secret, err := e.transit.vault.do(ctx, write("transit/datakey/plaintext/"+e.transit.key, map[string]any{"bits": 256}))
	if err != nil {
		return "", fmt.Errorf("get data key of %s: %w", e.transit.key, err)
	}
	text, _ := secret.Data["plaintext"].(string)
	wrapped, _ := secret.Data["ciphertext"].(string)
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || wrapped == "" {
		return "", fmt.Errorf("get data key of %s: Vault's answer has none", e.transit.key)
	}
	aead, err := dataCipher(key)
	if err != nil {
		return "", err
	}
	nonce := make([]byte, aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails: crypto/rand ends the process instead
	return wrapped + "." + encode(aead.Seal(nonce, nonce, plain, associated)), nil
}

// Decrypt opens what Encrypt sealed.
func (e *Envelope) Decrypt(ctx context.Context, sealed string, associated []byte) ([]byte, error) {
	wrapped, body, ok := strings.Cut(sealed, ".")
	if !ok {
		return nil, errSealed
	}
	data, err := base64.StdEncoding.DecodeString(body)
	if err != nil {
		return nil, errSealed
	}
	key, err := e.transit.unwrap(ctx, wrapped)
	if err != nil {
		return nil, err
	}
	aead, err := dataCipher(key)
	if err != nil || len(data) < aead.NonceSize() {
		return nil, errSealed
	}
	plain, err := aead.Open(nil, data[:aead.NonceSize()], data[aead.NonceSize():], associated)
	if err != nil {
		return nil, errSealed
	}
	return plain, nil
}

// Rewrap has the data keys of sealed records wrapped by the newest version of the key, without opening a record: what
// is behind the dot stays as it is. The results are in the order given.
func (e *Envelope) Rewrap(ctx context.Context, sealed []string) ([]string, error) {
	if len(sealed) == 0 {
		return nil, nil
	}
	batch := make([]any, len(sealed))
	for i, s := range sealed {
		wrapped, _, ok := strings.Cut(s, ".")
		if !ok {
			return nil, errSealed
		}
		batch[i] = map[string]any{"ciphertext": wrapped}
	}
	secret, err := e.transit.vault.do(ctx, write("transit/rewrap/"+e.transit.key, map[string]any{"batch_input": batch}))
	if err != nil {
		return nil, fmt.Errorf("rewrap with key %s: %w", e.transit.key, err)
	}
	results, _ := secret.Data["batch_results"].([]any)
	if len(results) != len(sealed) {
		return nil, fmt.Errorf("rewrap with key %s: %d answers to %d records", e.transit.key, len(results), len(sealed))
	}
	anew := make([]string, len(sealed))
	for i, result := range results {
		fields, _ := result.(map[string]any)
		wrapped, _ := fields["ciphertext"].(string)
		if wrapped == "" {
			return nil, fmt.Errorf("rewrap with key %s: Vault can't open a data key", e.transit.key)
		}
		_, body, _ := strings.Cut(sealed[i], ".")
		anew[i] = wrapped + "." + body
	}
	return anew, nil
}

func dataCipher(key []byte) (cipher.AEAD, error) {
	if len(key) != 32 {
		return nil, errSealed
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, errSealed
	}
	return cipher.NewGCM(block)
}
