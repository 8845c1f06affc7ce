// Package store keeps blobs and manifests in a folder:
//
//	blobs/sha256/<hex>                content-addressed
//	manifests/<name>/<version>.json   signed
//
// Every access goes through an os.Root, so that no name, and no symbolic link in the folder, leads out of it.
package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"redoubt.example/services/modelstore/internal/artifact"
	"redoubt.example/services/platform/api/modelmanifest"
)

const (
	blobs     = "blobs/sha256"
	manifests = "manifests"
)

// Store is a folder of artifacts. Safe for concurrent use, by several processes too: files appear whole.
type Store struct{ root *os.Root }

// Open makes the folder, if need be, and opens it. The caller closes the store.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	for _, d := range []string{blobs, manifests} {
		if err := root.MkdirAll(d, 0o700); err != nil {
			return nil, errors.Join(fmt.Errorf("open store: %w", err), root.Close())
		}
	}
	return &Store{root}, nil
}

// Close closes the folder.
func (s *Store) Close() error { return s.root.Close() }

// Models implements artifact.Reader.
func (s *Store) Models() ([]string, error) {
	return s.list(manifests, func(name string) (string, bool) { return name, modelmanifest.CheckName(name) == nil })
}

// Versions implements artifact.Reader.
func (s *Store) Versions(name string) ([]string, error) {
	if err := modelmanifest.CheckName(name); err != nil {
		return nil, err
	}
	return s.list(path.Join(manifests, name), func(file string) (string, bool) {
		version, ok := strings.CutSuffix(file, ".json")
		return version, ok && modelmanifest.CheckVersion(version) == nil
	})
}

// Manifest implements artifact.Reader and artifact.Writer. A manifest under another name than its own is an error.
func (s *Store) Manifest(name, version string) (modelmanifest.Manifest, error) {
	file, err := manifestFile(name, version)
	if err != nil {
		return modelmanifest.Manifest{}, err
	}
	f, err := s.root.Open(file)
	if err != nil {
		return modelmanifest.Manifest{}, err
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, modelmanifest.MaxBytes+1))
	if err != nil {
		return modelmanifest.Manifest{}, err
	}
	m, err := modelmanifest.Parse(text)
	if err != nil {
		return modelmanifest.Manifest{}, err
	}
	if m.Name != name || m.Version != version {
		return modelmanifest.Manifest{}, fmt.Errorf("manifest %s is of %s/%s", file, m.Name, m.Version)
	}
	return m, nil
}

// Blob implements artifact.Reader. The bytes aren't verified.
func (s *Store) Blob(d modelmanifest.Digest) (artifact.Blob, error) {
	file, err := blobFile(d)
	if err != nil {
		return nil, err
	}
	f, err := s.root.Open(file)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(fmt.Errorf("blob %s is no regular file", d), err, f.Close())
	}
	return f, nil
}

// PutManifest implements artifact.Writer.
func (s *Store) PutManifest(m modelmanifest.Manifest) error {
	file, err := manifestFile(m.Name, m.Version)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if err := s.root.MkdirAll(path.Dir(file), 0o700); err != nil {
		return err
	}
	return s.write(file, func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
}

func (s *Store) list(dir string, accept func(string) (string, bool)) ([]string, error) {
	entries, err := fs.ReadDir(s.root.FS(), dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if name, ok := accept(e.Name()); ok {
			names = append(names, name)
		}
	}
	return names, nil
}

// The checks stand here as well as at the edge: what becomes a path is checked where it becomes one.
func manifestFile(name, version string) (string, error) {
	if err := errors.Join(modelmanifest.CheckName(name), modelmanifest.CheckVersion(version)); err != nil {
		return "", err
	}
	return path.Join(manifests, name, version+".json"), nil
}

func blobFile(d modelmanifest.Digest) (string, error) {
	if _, err := modelmanifest.ParseDigest(string(d)); err != nil {
		return "", err
	}
	return path.Join(blobs, d.Hex()), nil
}
