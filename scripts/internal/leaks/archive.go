package leaks

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// deepest is how far archives may lie in archives: a layer in an image, a tarball in a layer, and a bit more.
const deepest = 5

// Archive looks into everything in a tar or zip archive, compressed by gzip or not, and in those within: a release, or an
// image as `docker save` writes it, where the layers are such archives and the environment is in a file. What is no
// archive is looked at as it is.
func (s *Scanner) Archive(where string, r io.Reader) error {
	if err := s.archive(where, r, 0); err != nil {
		return fmt.Errorf("scan %s: %w", where, err)
	}
	return nil
}

func (s *Scanner) archive(where string, r io.Reader, depth int) error {
	text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	switch {
	case err != nil:
		return err
	case len(text) > maxFile:
		return errors.New("it is too large")
	case depth > deepest:
		return errors.New("too many archives within each other")
	case bytes.HasPrefix(text, []byte("\x1f\x8b")):
		plain, err := gzip.NewReader(bytes.NewReader(text))
		if err != nil {
			return err
		}
		return s.archive(where, plain, depth+1)
	case bytes.HasPrefix(text, []byte("PK\x03\x04")):
		return s.zip(where, text, depth)
	case len(text) > 262 && string(text[257:262]) == "ustar":
		return s.tar(where, text, depth)
	}
	s.result.Files++
	s.look(where, text, "")
	return nil
}

func (s *Scanner) tar(where string, text []byte, depth int) error {
	files := tar.NewReader(bytes.NewReader(text))
	for {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		// Names and attributes are written by whoever made the archive, too.
		s.look(where, []byte(strings.Join([]string{header.Name, header.Linkname, fmt.Sprint(header.PAXRecords)}, "\n")), "")
		if err := s.archive(path.Join(where, header.Name), files, depth+1); err != nil {
			return fmt.Errorf("%s: %w", header.Name, err)
		}
	}
}

func (s *Scanner) zip(where string, text []byte, depth int) error {
	files, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		return err
	}
	for _, f := range files.File {
		s.look(where, []byte(f.Name+"\n"+f.Comment), "")
		r, err := f.Open()
		if err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
		err = s.archive(path.Join(where, f.Name), r, depth+1)
		if err = errors.Join(err, r.Close()); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return nil
}
