package store

import (
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path"

	"redoubt.example/services/platform/api/modelmanifest"
)

// PutBlob implements artifact.Writer. The digest is known only at the end, so the bytes go to a temporary file
// first. A blob that is there already is replaced: it may be corrupt, and these bytes are not.
func (s *Store) PutBlob(r io.Reader) (modelmanifest.Digest, int64, error) {
	var (
		digest modelmanifest.Digest
		size   int64
	)
	tmp, err := s.temporary(blobs, func(w io.Writer) (err error) {
		digest, size, err = modelmanifest.DigestOf(io.TeeReader(r, w))
		return err
	})
	if err != nil {
		return "", 0, err
	}
	file, err := blobFile(digest)
	if err != nil {
		return "", 0, errors.Join(err, s.root.Remove(tmp))
	}
	return digest, size, s.install(tmp, file)
}

func (s *Store) write(file string, fill func(io.Writer) error) error {
	tmp, err := s.temporary(path.Dir(file), fill)
	if err != nil {
		return err
	}
	return s.install(tmp, file)
}

// temporary makes a file whose name no reader accepts, and flushes it to the disk.
func (s *Store) temporary(dir string, fill func(io.Writer) error) (string, error) {
	tmp := path.Join(dir, ".tmp-"+rand.Text())
	f, err := s.root.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	if err = errors.Join(fill(f), f.Sync(), f.Close()); err != nil {
		return "", errors.Join(err, s.root.Remove(tmp))
	}
	return tmp, nil
}

// install gives a file its name. The folder is flushed too: else a crash may forget the name.
func (s *Store) install(tmp, file string) error {
	if err := s.root.Rename(tmp, file); err != nil {
		return errors.Join(err, s.root.Remove(tmp))
	}
	dir, err := s.root.Open(path.Dir(file))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
