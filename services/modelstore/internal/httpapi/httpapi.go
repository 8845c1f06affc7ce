// Package httpapi is modelstore's HTTP interface, read-only.
package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"redoubt.example/services/modelstore/internal/artifact"
	"redoubt.example/services/platform/api/modelmanifest"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/httpserver"
)

// Catalog is what the routes need of artifact.Catalog.
type Catalog interface {
	Manifest(name, version string) (modelmanifest.Manifest, error)
	Newest(name string) (modelmanifest.Manifest, error)
	Blob(ctx context.Context, digest string) (artifact.Blob, error)
}

// Routes returns modelstore's routes.
func Routes(catalog Catalog) []httpserver.Route {
	a := api{catalog}
	return []httpserver.Route{
		{Route: "GET /v1/models/{name}", Handle: a.newest},
		{Route: "GET /v1/models/{name}/{version}", Handle: a.manifest},
		{Route: "GET /v1/blobs/{digest}", Handle: a.blob},
	}
}

type api struct{ catalog Catalog }

func (a api) newest(c echo.Context) error {
	m, err := a.catalog.Newest(c.Param("name"))
	return writeManifest(c, m, err)
}

func (a api) manifest(c echo.Context) error {
	m, err := a.catalog.Manifest(c.Param("name"), c.Param("version"))
	return writeManifest(c, m, err)
}

// blob serves ranges, conditional requests and, since a digest's bytes never change, an answer to cache for ever.
func (a api) blob(c echo.Context) error {
	digest := c.Param("digest")
	blob, err := a.catalog.Blob(c.Request().Context(), digest)
	if err != nil {
		return err
	}
	defer func() { _ = blob.Close() }()
	serve(c, "application/octet-stream", `"`+digest+`"`, "private, max-age=31536000, immutable", blob)
	return nil
}

func writeManifest(c echo.Context, m modelmanifest.Manifest, err error) error {
	if err != nil {
		return err
	}
	text, err := json.Marshal(m)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "internal error")
	}
	sum := sha256.Sum256(text)
	// Revalidated each time: a newer version may have come, or another key have signed.
	serve(c, "application/json", `"`+hex.EncodeToString(sum[:])+`"`, "private, no-cache", bytes.NewReader(text))
	return nil
}

// serve leaves Range, If-Range and If-None-Match to the standard library. Content has no date: its tag is exact.
func serve(c echo.Context, contentType, etag, cacheControl string, content io.ReadSeeker) {
	h := c.Response().Header()
	h.Set("Content-Type", contentType)
	h.Set("ETag", etag)
	h.Set("Cache-Control", cacheControl)
	h.Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(c.Response(), c.Request(), "", time.Time{}, content)
}
