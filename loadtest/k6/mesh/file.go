package mesh

import (
	"fmt"
	"io"
	"os"

	"github.com/grafana/sobek"
)

// File is what became of an attempt to read or write one.
type File struct {
	Failure
	Text  string            `js:"text"`
	Bytes sobek.ArrayBuffer `js:"bytes"`
}

// read opens a file of the lab as the user that this process runs as.
func (i *instance) read(path string) (*File, error) {
	out := &File{}
	if err := i.check(path); err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return out, failed(err, &out.Failure)
	}
	defer file.Close()
	raw, err := io.ReadAll(io.LimitReader(file, maxBytes))
	out.Text, out.Bytes = string(raw), i.vu.Runtime().NewArrayBuffer(raw)
	return out, failed(err, &out.Failure)
}

// write replaces a file of the lab, or makes one, with text or bytes.
func (i *instance) write(path string, content any) (*File, error) {
	raw, err := toBytes(content)
	if err != nil {
		return nil, err
	}
	out := &File{}
	if err := i.check(path); err != nil {
		return nil, err
	}
	err = os.WriteFile(path, raw, 0o644) //nolint:gosec // an attacker's file
	return out, failed(err, &out.Failure)
}

func (i *instance) check(path string) error {
	if err := i.guard.Path(path); err != nil {
		return fmt.Errorf("k6/x/mesh: %w", err)
	}
	return i.guard.Count()
}
