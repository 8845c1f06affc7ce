package artifact_test

import (
	"context"
	"crypto/ed25519"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/modelstore/internal/artifact"
	"redoubt.example/services/modelstore/internal/store"
	"redoubt.example/services/platform/api/modelmanifest"
	"redoubt.example/services/platform/fault"
)

// signer stands for Vault's transit engine: versioned Ed25519 keys of which only the newest signs.
type signer struct{ keys []ed25519.PrivateKey }

func newSigner(t *testing.T) *signer {
	s := &signer{}
	s.rotate(t)
	return s
}

func (s *signer) rotate(t *testing.T) {
	_, key, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	s.keys = append(s.keys, key)
}

func (s *signer) Sign(_ context.Context, message []byte) ([]byte, int, error) {
	return ed25519.Sign(s.keys[len(s.keys)-1], message), len(s.keys), nil
}

func (s *signer) PublicKey(context.Context) (map[int]ed25519.PublicKey, error) {
	public := map[int]ed25519.PublicKey{}
	for i, key := range s.keys {
		public[i+1] = key.Public().(ed25519.PublicKey)
	}
	return public, nil
}

func release(name, version, content string) artifact.Release {
	return artifact.Release{
		Name: name, Version: version, CreatedAt: time.Unix(1, 0),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil },
	}
}

func setup(t *testing.T) (dir string, files *store.Store, p artifact.Publisher) {
	dir = t.TempDir()
	files, err := store.Open(dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, files.Close()) })
	return dir, files, artifact.Publisher{Store: files, Signer: newSigner(t)}
}

func publish(t *testing.T, p artifact.Publisher, version, content string) modelmanifest.Manifest {
	m, changed, err := p.Publish(t.Context(), release("langid", version, content))
	require.NoError(t, err)
	require.True(t, changed)
	return m
}

func blobPath(dir string, m modelmanifest.Manifest) string {
	return filepath.Join(dir, "blobs", "sha256", m.Digest.Hex())
}

func TestPublishRefuses(t *testing.T) {
	_, files, p := setup(t)
	first := publish(t, p, "1", "weights")
	for _, bad := range [][2]string{{"../langid", "1"}, {"langid", "../1"}, {"langid", ""}, {"", "1"}, {"Langid", "1"}} {
		_, _, err := p.Publish(t.Context(), release(bad[0], bad[1], "weights"))
		require.Error(t, err, bad)
	}
	_, _, err := p.Publish(t.Context(), release("langid", "1", "other weights"))
	require.Equal(t, fault.Conflict, fault.KindOf(err), "a version is immutable")
	_, _, err = p.Publish(t.Context(), release("langid", "2", ""))
	require.Error(t, err, "an empty model")
	kept, err := files.Manifest("langid", "1")
	require.NoError(t, err)
	require.Equal(t, first, kept)
}

func TestPublishTwiceChangesNothing(t *testing.T) {
	_, _, p := setup(t)
	first := publish(t, p, "1", "weights")
	p.Signer.(*signer).rotate(t) // an older key still verifies
	second, changed, err := p.Publish(t.Context(), release("langid", "1", "weights"))
	require.NoError(t, err)
	require.False(t, changed)
	require.Equal(t, first, second)
}

func TestPublishSignsAgainForANewVault(t *testing.T) {
	_, files, p := setup(t)
	publish(t, p, "1", "weights")
	other := artifact.Publisher{Store: files, Signer: newSigner(t)}
	keys, err := other.Signer.PublicKey(t.Context())
	require.NoError(t, err)
	require.NoError(t, publish(t, other, "1", "weights").Verify(keys))
}

func TestCatalogRefuses(t *testing.T) {
	_, files, p := setup(t)
	m := publish(t, p, "1", "weights")
	c := artifact.NewCatalog(files)
	hex := m.Digest.Hex()
	for _, digest := range []string{
		"", ".", "..", hex, "sha256:", "sha256:..", "sha256:" + hex[1:], "sha256:" + strings.ToUpper(hex), "sha256:" + hex + "0",
		"sha512:" + hex, "../blobs/sha256/" + hex, "sha256:../sha256/" + hex, "sha256:" + hex + "\x00", "sha256:" + hex + "\n",
		"sha256/" + hex, "sha256:" + strings.Repeat("0", 64),
	} {
		_, err := c.Blob(t.Context(), digest)
		require.Equal(t, fault.NotFound, fault.KindOf(err), "%q", digest)
	}
	for _, name := range []string{"", "..", "../manifests/langid", "langid/1", "LANGID", "other"} {
		_, err := c.Newest(name)
		require.Equal(t, fault.NotFound, fault.KindOf(err), "%q", name)
		_, err = c.Manifest(name, "1")
		require.Equal(t, fault.NotFound, fault.KindOf(err), "%q", name)
	}
	for _, version := range []string{"", "2", "..", "01", "1.json", "../langid/1"} {
		_, err := c.Manifest("langid", version)
		require.Equal(t, fault.NotFound, fault.KindOf(err), "%q", version)
	}
}

func TestCatalogRefusesCorruptBlobs(t *testing.T) {
	dir, files, p := setup(t)
	bad, good := publish(t, p, "1", "weights"), publish(t, p, "2", "more weights")
	c := artifact.NewCatalog(files)
	require.NoError(t, c.Verify(t.Context()))

	require.NoError(t, os.WriteFile(blobPath(dir, bad), []byte("wEights, other"), 0o600), "after it was verified")
	_, err := c.Blob(t.Context(), string(bad.Digest))
	require.Equal(t, fault.Unavailable, fault.KindOf(err))

	fresh := artifact.NewCatalog(files)
	require.NoError(t, fresh.Verify(t.Context()), "one bad blob doesn't stop the others")
	_, err = fresh.Blob(t.Context(), string(bad.Digest))
	require.Equal(t, fault.Unavailable, fault.KindOf(err))
	blob, err := fresh.Blob(t.Context(), string(good.Digest))
	require.NoError(t, err)
	require.NoError(t, good.CheckBlob(blob))
	require.NoError(t, blob.Close())

	_, _, err = p.Publish(t.Context(), release("langid", "1", "weights"))
	require.NoError(t, err, "publishing again mends it")
	blob, err = fresh.Blob(t.Context(), string(bad.Digest))
	require.NoError(t, err)
	require.NoError(t, blob.Close())
}

func TestStoreRefusesLinksOut(t *testing.T) {
	dir, files, p := setup(t)
	m := publish(t, p, "1", "weights")
	outside := filepath.Join(t.TempDir(), "outside")
	require.NoError(t, os.WriteFile(outside, []byte("weights"), 0o600))
	require.NoError(t, os.Remove(blobPath(dir, m)))
	require.NoError(t, os.Symlink(outside, blobPath(dir, m)))
	_, err := artifact.NewCatalog(files).Blob(t.Context(), string(m.Digest))
	require.Error(t, err)
}

func TestManifestUnderAnotherName(t *testing.T) {
	dir, files, p := setup(t)
	publish(t, p, "1", "weights")
	require.NoError(t, os.Rename(filepath.Join(dir, "manifests/langid/1.json"), filepath.Join(dir, "manifests/langid/9.json")))
	_, err := artifact.NewCatalog(files).Newest("langid")
	require.Error(t, err)
}

func TestNewest(t *testing.T) {
	dir, files, p := setup(t)
	for _, v := range []string{"9", "10", "1.5"} {
		publish(t, p, v, "weights "+v)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "manifests/langid/latest.json"), nil, 0o600), "no version: ignored")
	m, err := artifact.NewCatalog(files).Newest("langid")
	require.NoError(t, err)
	require.Equal(t, "10", m.Version)
}

func TestReleases(t *testing.T) {
	tree := fstest.MapFS{
		"README.md":           {Data: []byte("about")},
		"langid/1/model.bin":  {Data: []byte("weights")},
		"langid/1/model.json": {Data: []byte(`{"created_at":"2026-01-02T03:04:05Z","summary":"for people"}`)},
	}
	releases, err := artifact.Releases(tree)
	require.NoError(t, err)
	require.Len(t, releases, 1)
	_, _, p := setup(t)
	m, changed, err := p.Publish(t.Context(), releases[0])
	require.NoError(t, err)
	require.True(t, changed)
	require.Equal(t, "langid", m.Name)
	require.Equal(t, int64(len("weights")), m.Size)
	require.Equal(t, 2026, m.CreatedAt.Year())
}
