package httpapi_test

import (
	"crypto/ed25519"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/modelstore/internal/artifact"
	"redoubt.example/services/modelstore/internal/httpapi"
	"redoubt.example/services/modelstore/internal/store"
	"redoubt.example/services/platform/api/modelmanifest"
	"redoubt.example/services/platform/boundarytest"
	"redoubt.example/services/platform/httpserver"
)

// service is modelstore as the mesh sees it, with versions 1 and 2 of a model.
type service struct {
	*boundarytest.Harness
	t      *testing.T
	dir    string
	newest modelmanifest.Manifest
}

const weights = "the weights of version "

func serve(t *testing.T) service {
	t.Helper()
	dir := t.TempDir()
	files, err := store.Open(dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, files.Close()) })
	_, key, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	var m modelmanifest.Manifest
	for _, version := range []string{"1", "2"} {
		digest, size, err := files.PutBlob(strings.NewReader(weights + version))
		require.NoError(t, err)
		m = modelmanifest.Manifest{Name: "langid", Version: version, Digest: digest, Size: size, CreatedAt: time.Unix(1, 0).UTC(), KeyVersion: 1}
		m.Signature = ed25519.Sign(key, m.SigningBytes())
		require.NoError(t, files.PutManifest(m))
	}
	h := boundarytest.New(t, "modelstore", nil)
	s, err := httpserver.New(h.Config, httpapi.Routes(artifact.NewCatalog(files))...)
	require.NoError(t, err)
	h.Serve(s.Serve)
	return service{h, t, dir, m}
}

func (s service) get(caller, path string, header ...string) (*http.Response, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, "http://modelstore"+path, nil)
	require.NoError(s.t, err)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := s.HTTP(caller).Do(req)
	require.NoError(s.t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	return resp, string(body)
}

func TestRefuses(t *testing.T) {
	s := serve(t)
	blob := "/v1/blobs/" + string(s.newest.Digest)
	for name, tc := range map[string]struct {
		caller, path string
		status       int
	}{
		"the gateway":               {"gateway", blob, 403},
		"notification":              {"notification", "/v1/models/langid", 403},
		"another model":             {"inference", "/v1/models/other", 404},
		"another version":           {"inference", "/v1/models/langid/3", 404},
		"a version's other writing": {"inference", "/v1/models/langid/02", 404},
		"another digest":            {"inference", "/v1/blobs/sha256:" + strings.Repeat("0", 64), 404},
		"upper case":                {"inference", "/v1/blobs/sha256:" + strings.ToUpper(s.newest.Digest.Hex()), 404},
		"no algorithm":              {"inference", "/v1/blobs/" + s.newest.Digest.Hex(), 404},
		"another algorithm":         {"inference", "/v1/blobs/md5:" + s.newest.Digest.Hex(), 404},
		"a traversal":               {"inference", "/v1/blobs/..%2f..%2fmanifests%2flangid%2f1.json", 404},
		"a traversal by digest":     {"inference", "/v1/blobs/sha256:..%2f" + s.newest.Digest.Hex(), 404},
		"a zero byte":               {"inference", blob + "%00", 404},
		"a traversal by name":       {"inference", "/v1/models/..%2fmanifests%2flangid", 404},
		"dots":                      {"inference", "/v1/models/%2e%2e/1", 404},
		"nothing":                   {"inference", "/v1/blobs/", 404},
		"a listing":                 {"inference", "/v1/models", 404},
	} {
		t.Run(name, func(t *testing.T) {
			resp, body := service{s.Harness, t, s.dir, s.newest}.get(tc.caller, tc.path)
			require.Equal(t, tc.status, resp.StatusCode, body)
			require.NotContains(t, body, s.dir)
		})
	}
}

func TestRefusesToServeCorruptBytes(t *testing.T) {
	s := serve(t)
	path := filepath.Join(s.dir, "blobs", "sha256", s.newest.Digest.Hex())
	resp, _ := s.get("inference", "/v1/blobs/"+string(s.newest.Digest))
	require.Equal(t, 200, resp.StatusCode)
	require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("x", int(s.newest.Size)+1)), 0o600))
	resp, body := s.get("inference", "/v1/blobs/"+string(s.newest.Digest))
	require.Equal(t, 503, resp.StatusCode)
	require.NotContains(t, body, "xx")
	require.NotContains(t, resp.Header.Get("Cache-Control"), "immutable")
	require.NotEmpty(t, s.Logged(`"control":"app.model.integrity"`, `"decision":"deny"`, string(s.newest.Digest)))
}

func TestServesManifests(t *testing.T) {
	s := serve(t)
	for path, version := range map[string]string{"/v1/models/langid": "2", "/v1/models/langid/2": "2", "/v1/models/langid/1": "1"} {
		resp, body := s.get("inference", path)
		require.Equal(t, 200, resp.StatusCode)
		m, err := modelmanifest.Parse([]byte(body))
		require.NoError(t, err)
		require.Equal(t, version, m.Version)
		resp, _ = s.get("inference", path, "If-None-Match", resp.Header.Get("ETag"))
		require.Equal(t, 304, resp.StatusCode)
	}
	_, body := s.get("inference", "/v1/models/langid")
	var fields map[string]any
	require.NoError(t, json.Unmarshal([]byte(body), &fields))
	require.Len(t, fields, 7)
}

func TestServesBlobs(t *testing.T) {
	s := serve(t)
	path, etag := "/v1/blobs/"+string(s.newest.Digest), `"`+string(s.newest.Digest)+`"`
	resp, body := s.get("inference", path)
	require.Equal(t, 200, resp.StatusCode)
	require.Equal(t, weights+"2", body)
	require.Equal(t, etag, resp.Header.Get("ETag"))
	require.Contains(t, resp.Header.Get("Cache-Control"), "immutable")

	for _, tc := range []struct {
		header []string
		status int
		body   string
	}{
		{[]string{"Range", "bytes=4-10"}, 206, "weights"},
		{[]string{"Range", "bytes=-1"}, 206, "2"},
		{[]string{"Range", "bytes=4-10", "If-Range", etag}, 206, "weights"},
		{[]string{"Range", "bytes=4-10", "If-Range", `"other"`}, 200, weights + "2"},
		{[]string{"Range", "bytes=1000-"}, 416, ""},
		{[]string{"If-None-Match", etag}, 304, ""},
		{[]string{"If-None-Match", `"other"`}, 200, weights + "2"},
	} {
		resp, body := s.get("inference", path, tc.header...)
		require.Equal(t, tc.status, resp.StatusCode, "%v", tc.header)
		if tc.status < 300 {
			require.Equal(t, tc.body, body, "%v", tc.header)
		}
	}
}
