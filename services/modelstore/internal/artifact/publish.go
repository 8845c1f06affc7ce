package artifact

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"redoubt.example/services/platform/api/modelmanifest"
	"redoubt.example/services/platform/fault"
)

// Release is a version of a model that is to be published.
type Release struct {
	Name, Version string
	CreatedAt     time.Time
	Open          func() (io.ReadCloser, error) // the bytes, from their start
}

// Signer signs without showing its key.
type Signer interface {
	Sign(ctx context.Context, message []byte) (signature []byte, keyVersion int, err error)
	PublicKey(ctx context.Context) (map[int]ed25519.PublicKey, error) // by version
}

// Writer keeps what is published. Both calls are atomic and durable: a crash leaves all or nothing.
type Writer interface {
	Manifest(name, version string) (modelmanifest.Manifest, error) // wraps fs.ErrNotExist when there is none
	PutBlob(io.Reader) (modelmanifest.Digest, int64, error)
	PutManifest(modelmanifest.Manifest) error // replaces one of the same name and version
}

// Publisher puts signed versions into a store.
type Publisher struct {
	Store  Writer
	Signer Signer
}

// Publish stores and signs a release, and tells whether anything had to be done: the same release again changes
// nothing. Other bytes under a published version are refused with fault.Conflict, since versions are immutable.
func (p Publisher) Publish(ctx context.Context, r Release) (m modelmanifest.Manifest, changed bool, err error) {
	if err := errors.Join(modelmanifest.CheckName(r.Name), modelmanifest.CheckVersion(r.Version)); err != nil {
		return m, false, err
	}
	m, err = p.store(r)
	if err != nil {
		return m, false, fmt.Errorf("store %s/%s: %w", r.Name, r.Version, err)
	}
	old, err := p.Store.Manifest(r.Name, r.Version)
	switch {
	case err == nil && old.Digest != m.Digest:
		return m, false, fault.New(fault.Conflict, "%s/%s is published with other bytes: give these a new version", r.Name, r.Version)
	case err == nil && p.valid(ctx, old) == nil:
		return old, false, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return m, false, fmt.Errorf("read manifest of %s/%s: %w", r.Name, r.Version, err)
	}
	// Either new, or signed by a key that this Vault doesn't know, as after a fresh start on kept data.
	if m.Signature, m.KeyVersion, err = p.Signer.Sign(ctx, m.SigningBytes()); err != nil {
		return m, false, fmt.Errorf("sign %s/%s: %w", r.Name, r.Version, err)
	}
	if err := p.valid(ctx, m); err != nil {
		return m, false, err
	}
	if err := p.Store.PutManifest(m); err != nil {
		return m, false, fmt.Errorf("publish %s/%s: %w", r.Name, r.Version, err)
	}
	return m, true, nil
}

func (p Publisher) store(r Release) (modelmanifest.Manifest, error) {
	content, err := r.Open()
	if err != nil {
		return modelmanifest.Manifest{}, err
	}
	digest, size, err := p.Store.PutBlob(content)
	return modelmanifest.Manifest{
		Name: r.Name, Version: r.Version, Digest: digest, Size: size, CreatedAt: r.CreatedAt.UTC(),
	}, errors.Join(err, content.Close())
}

// valid checks a manifest as inference will.
func (p Publisher) valid(ctx context.Context, m modelmanifest.Manifest) error {
	keys, err := p.Signer.PublicKey(ctx)
	if err != nil {
		return fmt.Errorf("read public key: %w", err)
	}
	return m.Verify(keys)
}
