package leaks_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/leaks"
)

func tarOf(t *testing.T, files map[string]string) string {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, text := range files {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(text))}))
		_, err := w.Write([]byte(text))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.String()
}

func gzipOf(t *testing.T, text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.String()
}

func zipOf(t *testing.T, name, text string) string {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create(name)
	require.NoError(t, err)
	_, err = f.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.String()
}

func TestFindsInAnArchive(t *testing.T) {
	layer := func(text string) string {
		return tarOf(t, map[string]string{"etc/app.conf": text, "bin/app": "\x7fELF"})
	}
	for name, c := range map[string]struct {
		archive string
		want    string
	}{
		"an image's layer":          {tarOf(t, map[string]string{"blobs/sha256/1": gzipOf(t, layer(token)), "manifest.json": "[]"}), "image/blobs/sha256/1/etc/app.conf"},
		"a layer uncompressed":      {tarOf(t, map[string]string{"1/layer.tar": layer(key)}), "image/1/layer.tar/etc/app.conf"},
		"an image's environment":    {tarOf(t, map[string]string{"config.json": `{"config":{"Env":["VAULT_TOKEN=` + token + `"]}}`}), "image/config.json"},
		"a release":                 {gzipOf(t, layer("canary-4711")), "image/etc/app.conf"},
		"a zip in a tar":            {tarOf(t, map[string]string{"a.zip": zipOf(t, "b", jwt)}), "image/a.zip/b"},
		"the name of a file":        {tarOf(t, map[string]string{token: "x"}), "image"},
		"a file that is no archive": {token, "image"},
	} {
		t.Run(name, func(t *testing.T) {
			s := leaks.Scanner{Canaries: map[string]string{"canary": "canary-4711"}}
			require.NoError(t, s.Archive("image", strings.NewReader(c.archive)))
			require.NotEmpty(t, s.Result().Findings)
			require.Equal(t, c.want, s.Result().Findings[0].Where)
		})
	}
	var clean leaks.Scanner
	require.NoError(t, clean.Archive("image", strings.NewReader(tarOf(t, map[string]string{"l.tar": layer("nothing")}))))
	require.Empty(t, clean.Result().Findings)
	require.Equal(t, 2, clean.Result().Files)
}

// What can't be read to its end is an error, not good news.
func TestArchivesThatCannotBeRead(t *testing.T) {
	bomb := "x"
	for range 8 {
		bomb = gzipOf(t, bomb)
	}
	whole := gzipOf(t, tarOf(t, map[string]string{"a": strings.Repeat("x", 4096)}))
	for name, archive := range map[string]string{"cut": whole[:len(whole)/2], "gzip in gzip in gzip": bomb, "zip without an end": "PK\x03\x04abc"} {
		var s leaks.Scanner
		require.Error(t, s.Archive("image", strings.NewReader(archive)), name)
	}
}
