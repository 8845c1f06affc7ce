package modelclient_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/inference/internal/modelclient"
	"redoubt.example/services/platform/api/modelmanifest"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/telemetry"
)

const maxSize = 1 << 20

// store is a modelstore that a test can bend.
type store struct {
	*httptest.Server
	key      ed25519.PrivateKey
	manifest modelmanifest.Manifest
	weights  []byte
	// cut ends a response after so many bytes of a blob; 0 never.
	cut int
	// handle, when set, answers instead.
	handle func(w http.ResponseWriter, r *http.Request) bool
	blobs  []string // the Range header of each request for a blob
}

func newStore(t *testing.T) *store {
	_, key, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	s := &store{key: key, weights: bytes.Repeat([]byte("weights "), 10_000)}
	digest, size, err := modelmanifest.DigestOf(bytes.NewReader(s.weights))
	require.NoError(t, err)
	s.manifest = modelmanifest.Manifest{Name: "langid", Version: "1", Digest: digest, Size: size, KeyVersion: 1, CreatedAt: time.Unix(1, 0).UTC()}
	s.sign()
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *store) sign() { s.manifest.Signature = ed25519.Sign(s.key, s.manifest.SigningBytes()) }

func (s *store) serve(w http.ResponseWriter, r *http.Request) {
	if s.handle != nil && s.handle(w, r) {
		return
	}
	switch r.URL.Path {
	case "/v1/models/langid":
		_ = json.NewEncoder(w).Encode(s.manifest)
	case "/v1/blobs/" + string(s.manifest.Digest):
		s.blobs = append(s.blobs, r.Header.Get("Range"))
		w.Header().Set("ETag", `"`+string(s.manifest.Digest)+`"`)
		if s.cut > 0 {
			w = &cutting{ResponseWriter: w, left: s.cut}
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(s.weights))
	default:
		http.NotFound(w, r)
	}
}

// cutting ends the connection after some bytes of the body.
type cutting struct {
	http.ResponseWriter
	left int
}

func (c *cutting) Write(p []byte) (int, error) {
	if len(p) >= c.left {
		_, _ = c.ResponseWriter.Write(p[:c.left])
		_ = http.NewResponseController(c.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	c.left -= len(p)
	return c.ResponseWriter.Write(p)
}

// RoundTrip leads to the test's server, as the mesh leads to modelstore.
func (s *store) RoundTrip(r *http.Request) (*http.Response, error) {
	target, err := url.Parse(s.URL)
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.URL.Host = target.Host
	return http.DefaultTransport.RoundTrip(r)
}

// PublicKey is Vault's part.
func (s *store) PublicKey(context.Context) (map[int]ed25519.PublicKey, error) {
	return map[int]ed25519.PublicKey{1: s.key.Public().(ed25519.PublicKey)}, nil
}

func (s *store) client() *modelclient.Client {
	return &modelclient.Client{Store: s, Keys: s, MaxSize: maxSize}
}

func TestFetchRefuses(t *testing.T) {
	for name, spoil := range map[string]func(*store){
		"no signature":       func(s *store) { s.manifest.Signature = nil },
		"a changed version":  func(s *store) { s.manifest.Version = "2" },
		"an unknown key":     func(s *store) { s.manifest.KeyVersion = 7 },
		"another's key":      func(s *store) { _, s.key, _ = ed25519.GenerateKey(nil) },
		"another model":      func(s *store) { s.manifest.Name = "other"; s.sign() },
		"too large":          func(s *store) { s.manifest.Size = maxSize + 1; s.sign() },
		"a changed weight":   func(s *store) { s.weights[77] ^= 1 },
		"more than promised": func(s *store) { s.weights = append(s.weights, 'x') },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			spoil(s)
			var log bytes.Buffer
			ctx := telemetry.WithLogger(t.Context(), telemetry.NewLogger(&log, "inference", "info"))
			_, weights, err := s.client().Fetch(ctx, "langid")
			require.ErrorIs(t, err, modelclient.ErrRefused)
			require.Nil(t, weights)
			require.Contains(t, log.String(), `"control":"`+controls.AppModelSignature+`"`)
			require.Contains(t, log.String(), `"decision":"deny"`)
			require.NotContains(t, log.String(), `"decision":"allow"`)
			if !strings.Contains(name, "weight") && !strings.Contains(name, "promised") {
				require.Empty(t, s.blobs, "nothing is fetched on an unverified manifest's word")
			}
		})
	}
}

func TestFetchFails(t *testing.T) {
	answer := func(status int, header map[string]string, body string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasPrefix(r.URL.Path, "/v1/blobs/") {
				return false
			}
			for k, v := range header {
				w.Header().Set(k, v)
			}
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
			return true
		}
	}
	for name, spoil := range map[string]func(*store){
		"no such blob":                func(s *store) { s.handle = answer(404, nil, "") },
		"a redirect":                  func(s *store) { s.handle = answer(302, map[string]string{"Location": "http://127.0.0.1:1/"}, "") },
		"an unasked range":            func(s *store) { s.handle = answer(206, map[string]string{"Content-Range": "bytes 0-6/7"}, "weights") },
		"fewer than promised":         func(s *store) { s.weights = s.weights[:500] },
		"never more than a few bytes": func(s *store) { s.cut = 10 },
		"a manifest of fables": func(s *store) {
			s.handle = func(w http.ResponseWriter, _ *http.Request) bool {
				_, _ = w.Write(bytes.Repeat([]byte(" "), 1<<20))
				return true
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			spoil(s)
			_, weights, err := s.client().Fetch(t.Context(), "langid")
			require.Error(t, err)
			require.Nil(t, weights)
			require.LessOrEqual(t, len(s.blobs), 8, "gives up")
		})
	}
	_, _, err := newStore(t).client().Fetch(t.Context(), "../blobs")
	require.Error(t, err)
}

func TestFetchResumes(t *testing.T) {
	s := newStore(t)
	s.cut = 30_000
	m, weights, err := s.client().Fetch(t.Context(), "langid")
	require.NoError(t, err)
	require.Equal(t, s.manifest, m)
	require.Equal(t, s.weights, weights)
	require.Equal(t, []string{"", "bytes=30000-", "bytes=60000-"}, s.blobs)
}

func TestFetchDoesNotMixTwoBlobs(t *testing.T) {
	s := newStore(t)
	s.cut = 30_000
	s.handle = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Range") == "" {
			return false
		}
		w.Header().Set("Content-Range", "bytes 0-79999/80000")
		w.WriteHeader(http.StatusPartialContent)
		_, _ = w.Write(s.weights)
		return true
	}
	_, _, err := s.client().Fetch(t.Context(), "langid")
	require.Error(t, err)
}

func TestKeepWaitsForAModel(t *testing.T) {
	s := newStore(t)
	good := s.manifest.Signature
	s.manifest.Signature = bytes.Clone(good)
	s.manifest.Signature[3] ^= 1
	tries := 0
	s.handle = func(w http.ResponseWriter, r *http.Request) bool {
		switch tries++; tries {
		case 1:
			http.NotFound(w, r)
			return true
		case 3: // the second was refused
			s.manifest.Signature = good
		}
		return false
	}
	used := 0
	err := s.client().Keep(t.Context(), "langid", func(_ modelmanifest.Manifest, weights []byte) error {
		require.Equal(t, s.weights, weights)
		if used++; used == 1 {
			return errors.New("not a model of mine")
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, 2, used)
}

func TestKeepEndsWithItsContext(t *testing.T) {
	s := newStore(t)
	s.handle = func(w http.ResponseWriter, r *http.Request) bool { http.NotFound(w, r); return true }
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err := s.client().Keep(ctx, "langid", func(modelmanifest.Manifest, []byte) error { return nil })
	require.ErrorIs(t, err, context.DeadlineExceeded)
}
