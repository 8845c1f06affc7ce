package secrets

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Transit is one key of Vault's transit engine. The key itself never leaves Vault; each call is a round trip,
// so none belongs on a request's path that is hot.
type Transit struct {
	vault *Vault
	key   string
}

// Transit names a key; whether it exists, and may be used, shows at the first call.
func (v *Vault) Transit(key string) *Transit { return &Transit{vault: v, key: key} }

// unwrap opens a data key that this key has wrapped: "vault:v<key version>:<base64>".
func (t *Transit) unwrap(ctx context.Context, wrapped string) ([]byte, error) {
	text, err := t.one(ctx, "decrypt", "plaintext", map[string]any{"ciphertext": wrapped})
	if err != nil {
		return nil, err
	}
	plain, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errors.New("decrypt: Vault's answer is not base64")
	}
	return plain, nil
}

// Sign signs with Ed25519 (RFC 8032) and tells the version of the key, which names the public key to verify with.
func (t *Transit) Sign(ctx context.Context, message []byte) (signature []byte, version int, err error) {
	text, err := t.one(ctx, "sign", "signature", map[string]any{"input": encode(message)})
	if err != nil {
		return nil, 0, err
	}
	signature, version, err = parseVersioned("sign", text)
	if err != nil {
		return nil, 0, err
	}
	if len(signature) != ed25519.SignatureSize {
		return nil, 0, errors.New("sign: Vault's answer is not an Ed25519 signature")
	}
	return signature, version, nil
}

// HMAC returns the HMAC-SHA256 of a text under a version of the key, 0 for the newest, and which version that was:
// a way to derive a key that only those who may use this one can have.
func (t *Transit) HMAC(ctx context.Context, input []byte, keyVersion int) (sum []byte, version int, err error) {
	data := map[string]any{"input": encode(input)}
	if keyVersion > 0 {
		data["key_version"] = keyVersion
	}
	text, err := t.one(ctx, "hmac", "hmac", data)
	if err != nil {
		return nil, 0, err
	}
	return parseVersioned("hmac", text)
}

// parseVersioned reads "vault:v<version>:<base64>".
func parseVersioned(operation, text string) (value []byte, version int, err error) {
	parts := strings.Split(text, ":")
	if len(parts) != 3 {
		return nil, 0, fmt.Errorf("%s: Vault's answer has another form", operation)
	}
	version, err = strconv.Atoi(strings.TrimPrefix(parts[1], "v"))
	if err != nil {
		return nil, 0, fmt.Errorf("%s: Vault's answer names no key version", operation)
	}
	value, err = base64.StdEncoding.DecodeString(parts[2])
	if err != nil {
		return nil, 0, fmt.Errorf("%s: Vault's answer is not base64", operation)
	}
	return value, version, nil
}

// PublicKey returns the public key of each version that is still accepted, so that signatures can be verified
// without Vault.
func (t *Transit) PublicKey(ctx context.Context) (map[int]ed25519.PublicKey, error) {
	secret, err := t.vault.do(ctx, read("transit/keys/"+t.key))
	if err != nil {
		return nil, fmt.Errorf("read public key %s: %w", t.key, err)
	}
	if secret == nil {
		return nil, fmt.Errorf("read public key %s: there is no such key", t.key)
	}
	versions, _ := secret.Data["keys"].(map[string]any)
	keys := make(map[int]ed25519.PublicKey, len(versions))
	for name, data := range versions {
		version, err := strconv.Atoi(name)
		if err != nil {
			return nil, fmt.Errorf("read public key %s: version %q", t.key, name)
		}
		fields, _ := data.(map[string]any)
		text, _ := fields["public_key"].(string)
		key, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(key) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("read public key %s: version %d is not an Ed25519 key", t.key, version)
		}
		keys[version] = key
	}
	return keys, nil
}

func (t *Transit) one(ctx context.Context, operation, field string, data map[string]any) (string, error) {
	secret, err := t.vault.do(ctx, write("transit/"+operation+"/"+t.key, data))
	if err != nil {
		return "", fmt.Errorf("%s with key %s: %w", operation, t.key, err)
	}
	if secret == nil {
		return "", fmt.Errorf("%s with key %s: no answer", operation, t.key)
	}
	text, ok := secret.Data[field].(string)
	if !ok {
		return "", fmt.Errorf("%s with key %s: Vault's answer has no %s", operation, t.key, field)
	}
	return text, nil
}

func encode(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
