package modelclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"redoubt.example/services/platform/api/modelmanifest"
	"redoubt.example/services/platform/fault"
)

const (
	// fetchTimeout bounds one request; a slow one is resumed where it ended.
	fetchTimeout = 20 * time.Second
	// maxResumes bounds how often one blob is continued after a connection ended.
	maxResumes = 8
)

// errMoved is an answer that doesn't continue what we have.
var errMoved = errors.New("modelstore answered with another range than asked for")

func (c *Client) manifest(ctx context.Context, name string) (modelmanifest.Manifest, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	if err := modelmanifest.CheckName(name); err != nil {
		return modelmanifest.Manifest{}, err
	}
	resp, err := c.get(ctx, "/v1/models/"+name, nil)
	if err != nil {
		return modelmanifest.Manifest{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return modelmanifest.Manifest{}, fmt.Errorf("manifest of %s: status %d", name, resp.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, modelmanifest.MaxBytes+1))
	if err != nil {
		return modelmanifest.Manifest{}, fmt.Errorf("read manifest of %s: %w", name, err)
	}
	return modelmanifest.Parse(text)
}

// blob reads the weights into memory, continuing by range when a connection ends early, and checks their digest.
func (c *Client) blob(ctx context.Context, m modelmanifest.Manifest) ([]byte, error) {
	got := bytes.NewBuffer(make([]byte, 0, m.Size+bytes.MinRead))
	var err error
	for range maxResumes {
		before := got.Len()
		err = c.more(ctx, m, got)
		if err == nil && int64(got.Len()) >= m.Size {
			return got.Bytes(), m.CheckBlob(bytes.NewReader(got.Bytes()))
		}
		if errors.Is(err, errMoved) || got.Len() == before || ctx.Err() != nil {
			break // no progress: the caller waits before it starts again
		}
	}
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return nil, fmt.Errorf("read %s after %d of %d bytes: %w", m.Digest, got.Len(), m.Size, err)
}

// more appends what one response has, at most one byte more than the manifest promises.
func (c *Client) more(ctx context.Context, m modelmanifest.Manifest, got *bytes.Buffer) error {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	from := got.Len()
	header := http.Header{}
	if from > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", from))
		header.Set("If-Range", `"`+string(m.Digest)+`"`)
	}
	resp, err := c.get(ctx, "/v1/blobs/"+string(m.Digest), header)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	switch {
	case from == 0 && resp.StatusCode == http.StatusOK:
	case from > 0 && resp.StatusCode == http.StatusPartialContent &&
		resp.Header.Get("Content-Range") == fmt.Sprintf("bytes %d-%d/%d", from, m.Size-1, m.Size):
	default:
		return fmt.Errorf("%w: status %d", errMoved, resp.StatusCode)
	}
	_, err = io.Copy(got, io.LimitReader(resp.Body, m.Size-int64(from)+1))
	return err
}

func (c *Client) get(ctx context.Context, path string, header http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://modelstore"+path, nil)
	if err != nil {
		return nil, err
	}
	for key, values := range header {
		req.Header[key] = values
	}
	resp, err := c.Store.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if err := fault.FromResponse(resp); err != nil {
		_ = resp.Body.Close()
		return nil, err
	}
	return resp, nil
}
