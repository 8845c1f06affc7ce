// Package artifact is modelstore's domain: immutable versions of models, each a signed manifest and the bytes that
// it names by their digest.
package artifact

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"sync"

	"redoubt.example/services/platform/api/modelmanifest"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/telemetry"
)

// Blob is an open artifact. The caller closes it.
type Blob interface {
	io.ReadSeekCloser
	Stat() (fs.FileInfo, error)
}

// Reader finds what was published. What doesn't exist is an error that wraps fs.ErrNotExist. Arguments have been
// checked by modelmanifest.
type Reader interface {
	Models() ([]string, error)
	Versions(name string) ([]string, error) // in any order
	Manifest(name, version string) (modelmanifest.Manifest, error)
	Blob(modelmanifest.Digest) (Blob, error)
}

// Catalog answers for what is in a store. It hands out no byte that it hasn't hashed. Safe for concurrent use.
type Catalog struct {
	store Reader

	mu      sync.Mutex
	verdict map[modelmanifest.Digest]verdict
}

// verdict is valid for the file that it was given on: a file that was exchanged or written to is hashed again.
type verdict struct {
	file   fs.FileInfo
	intact bool
}

// NewCatalog returns a catalog of the store.
func NewCatalog(store Reader) *Catalog {
	return &Catalog{store: store, verdict: map[modelmanifest.Digest]verdict{}}
}

// Manifest returns one version of a model, or fault.NotFound.
func (c *Catalog) Manifest(name, version string) (modelmanifest.Manifest, error) {
	if modelmanifest.CheckName(name) != nil || modelmanifest.CheckVersion(version) != nil {
		return modelmanifest.Manifest{}, fault.New(fault.NotFound, "no such model")
	}
	m, err := c.store.Manifest(name, version)
	return m, notFound(err, "no such model")
}

// Newest returns the highest version of a model, or fault.NotFound.
func (c *Catalog) Newest(name string) (modelmanifest.Manifest, error) {
	if modelmanifest.CheckName(name) != nil {
		return modelmanifest.Manifest{}, fault.New(fault.NotFound, "no such model")
	}
	versions, err := c.store.Versions(name)
	if err != nil || len(versions) == 0 {
		return modelmanifest.Manifest{}, notFound(errors.Join(err, fs.ErrNotExist), "no such model")
	}
	return c.Manifest(name, slices.MaxFunc(versions, modelmanifest.CompareVersions))
}

// Blob opens an artifact whose bytes match their digest: fault.NotFound when there is none, fault.Unavailable when
// the bytes are corrupt. The caller closes it.
func (c *Catalog) Blob(ctx context.Context, digest string) (Blob, error) {
	d, err := modelmanifest.ParseDigest(digest)
	if err != nil {
		return nil, fault.New(fault.NotFound, "no such blob")
	}
	blob, err := c.store.Blob(d)
	if err != nil {
		return nil, notFound(err, "no such blob")
	}
	intact, err := c.intact(ctx, d, blob)
	if err == nil && !intact {
		err = fault.New(fault.Unavailable, "the blob is corrupt")
	}
	if err != nil {
		return nil, errors.Join(err, blob.Close())
	}
	return blob, nil
}

// Verify hashes everything that a manifest names, so that the first request needn't wait for it. A corrupt blob is
// recorded and not served; the others are.
func (c *Catalog) Verify(ctx context.Context) error {
	models, err := c.store.Models()
	if err != nil {
		return err
	}
	for _, name := range models {
		versions, err := c.store.Versions(name)
		if err != nil {
			return err
		}
		for _, version := range versions {
			if err := c.verify(ctx, name, version); err != nil {
				telemetry.Log(ctx).Error("model can't be served", "model", name, "version", version, "error", err.Error())
			}
		}
	}
	return nil
}

func (c *Catalog) verify(ctx context.Context, name, version string) error {
	m, err := c.store.Manifest(name, version)
	if err != nil {
		return err
	}
	blob, err := c.Blob(ctx, string(m.Digest))
	if err != nil {
		return err
	}
	return blob.Close()
}

func (c *Catalog) intact(ctx context.Context, d modelmanifest.Digest, blob Blob) (bool, error) {
	if !controls.On(controls.AppModelIntegrity) {
		return true, nil
	}
	defer controls.Begin(ctx, controls.AppModelIntegrity).End()
	info, err := blob.Stat()
	if err != nil {
		return false, fault.Wrap(fault.Internal, err, "internal error")
	}
	c.mu.Lock() // held while hashing: many requests for one new blob hash it once
	defer c.mu.Unlock()
	if v, ok := c.verdict[d]; ok && sameFile(v.file, info) {
		return v.intact, nil
	}
	got, _, err := modelmanifest.DigestOf(blob)
	if err == nil {
		_, err = blob.Seek(0, io.SeekStart)
	}
	if err != nil {
		return false, fault.Wrap(fault.Unavailable, err, "the blob can't be read")
	}
	decision, reason := controls.Allow, "bytes match their digest"
	if got != d {
		decision, reason = controls.Deny, "bytes don't match their digest"
	}
	controls.Record(ctx, controls.AppModelIntegrity, decision, reason, "digest", string(d))
	c.verdict[d] = verdict{info, got == d}
	return got == d, nil
}

func sameFile(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

func notFound(err error, message string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return fault.New(fault.NotFound, "%s", message)
	}
	return fault.Wrap(fault.Unavailable, err, "the store can't be read")
}
