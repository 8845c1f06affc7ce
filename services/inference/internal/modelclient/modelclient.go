// Package modelclient fetches a model from modelstore and believes none of it before it is verified: the manifest
// by its Ed25519 signature, under a public key that Vault vouches for, and the weights by the digest in it.
package modelclient

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/cenkalti/backoff/v5"

	"redoubt.example/services/platform/api/modelmanifest"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/telemetry"
)

// ErrRefused is wrapped by the error for a model that was delivered and must not be used.
var ErrRefused = errors.New("model refused")

// Keys are the public keys that may have signed, by version; *secrets.Transit is the one that counts.
type Keys interface {
	PublicKey(ctx context.Context) (map[int]ed25519.PublicKey, error)
}

// Client fetches models. Store is the way to modelstore.
type Client struct {
	Store http.RoundTripper
	Keys  Keys
	// MaxSize is the largest model that is fetched, in bytes, whatever its manifest says.
	MaxSize int64
}

// Keep calls use with the newest version of a model, trying again until the model was fetched and use accepted it,
// or ctx ends. A refused model is logged and asked for again: somebody may publish a good one.
func (c *Client) Keep(ctx context.Context, name string, use func(modelmanifest.Manifest, []byte) error) error {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 50*time.Millisecond, 5*time.Second
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		m, weights, err := c.Fetch(ctx, name)
		if err == nil {
			err = use(m, weights)
		}
		if err == nil {
			telemetry.Log(ctx).InfoContext(ctx, "model loaded", "model", m.Name, "version", m.Version, "digest", string(m.Digest))
		} else if ctx.Err() == nil {
			telemetry.Log(ctx).WarnContext(ctx, "model isn't loaded yet", "model", name, "error", err.Error())
		}
		return struct{}{}, err
	}, backoff.WithBackOff(wait), backoff.WithMaxElapsedTime(0))
	return err
}

// Fetch returns the newest version of a model and its weights, both verified. What fails verification is ErrRefused.
func (c *Client) Fetch(ctx context.Context, name string) (modelmanifest.Manifest, []byte, error) {
	m, err := c.manifest(ctx, name)
	if err != nil {
		return m, nil, err
	}
	checked := controls.On(controls.AppModelSignature)
	if checked {
		if err := c.verify(ctx, name, m); err != nil {
			return m, nil, err
		}
	}
	weights, err := c.blob(ctx, m)
	if !checked && errors.Is(err, modelmanifest.ErrDigest) {
		return m, weights, nil // whatever came
	}
	if errors.Is(err, modelmanifest.ErrDigest) {
		return m, nil, refuse(ctx, m, "the weights aren't the signed ones", err)
	}
	if err != nil {
		return m, nil, fmt.Errorf("fetch %s %s: %w", m.Name, m.Version, err)
	}
	controls.Record(ctx, controls.AppModelSignature, controls.Allow, "signature and digest verify", attributes(m)...)
	return m, weights, nil
}

// verify checks everything that the manifest claims before a byte of the weights is asked for.
func (c *Client) verify(ctx context.Context, name string, m modelmanifest.Manifest) error {
	keys, err := c.Keys.PublicKey(ctx)
	if err != nil {
		return fmt.Errorf("read public keys: %w", err)
	}
	if err := m.Verify(keys); err != nil {
		return refuse(ctx, m, "the manifest's signature doesn't verify", err)
	}
	if m.Name != name {
		return refuse(ctx, m, "the manifest is another model's", fmt.Errorf("asked for %s", name))
	}
	if m.Size > c.MaxSize {
		return refuse(ctx, m, "the model is larger than allowed", fmt.Errorf("%d bytes, at most %d", m.Size, c.MaxSize))
	}
	return nil
}

func refuse(ctx context.Context, m modelmanifest.Manifest, reason string, err error) error {
	controls.Record(ctx, controls.AppModelSignature, controls.Deny, reason, attributes(m)...)
	return fmt.Errorf("%w: %s: %w", ErrRefused, reason, err)
}

// attributes are safe to log: a manifest's form was checked when it was parsed.
func attributes(m modelmanifest.Manifest) []any {
	return []any{"model", m.Name, "version", m.Version, "digest", string(m.Digest), "key_version", m.KeyVersion}
}
