package render_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/gateway/internal/contract"
	"redoubt.example/gateway/internal/docs"
	"redoubt.example/gateway/internal/docs/render"
)

var update = flag.Bool("update", false, "render the page again")

func rendered(t *testing.T) (*contract.Contract, string) {
	t.Helper()
	text, err := os.ReadFile("../../../openapi.yaml")
	require.NoError(t, err)
	c, err := contract.Load(text)
	require.NoError(t, err)
	page, err := render.Page(c)
	require.NoError(t, err)
	return c, string(page)
}

// TestPageIsCurrent: what is served is what the contract says today.
func TestPageIsCurrent(t *testing.T) {
	_, page := rendered(t)
	if *update {
		require.NoError(t, os.WriteFile("../page.html", []byte(page), 0o644))
		return
	}
	require.True(t, page == string(docs.Page()), "openapi.yaml has changed: go test ./internal/docs/render -update")
}

func TestPageHasEverything(t *testing.T) {
	c, html := rendered(t)
	for _, o := range c.Sorted {
		require.Contains(t, html, `<section id="`+o.Doc.OperationID+`">`)
		for _, scope := range o.Scopes {
			require.Contains(t, html, scope)
		}
	}
	for name := range c.Doc.Components.Schemas {
		require.Contains(t, html, `<section id="`+name+`">`)
	}
	require.Contains(t, html, "Deprecated since 2026-09-01")
	require.Contains(t, html, "/v0/*")
	require.NotContains(t, html, "map[")
	require.NotContains(t, html, "ZgotmplZ")
	require.NotContains(t, html, "%!")
}

// TestPageAsksForNothing: no script, no handler, nothing from elsewhere, and each link to itself leads somewhere.
func TestPageAsksForNothing(t *testing.T) {
	_, html := rendered(t)
	ids := map[string]bool{}
	for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(html, -1) {
		require.False(t, ids[m[1]], "id %s twice", m[1])
		ids[m[1]] = true
	}
	dec := xml.NewDecoder(strings.NewReader(html))
	dec.Strict, dec.AutoClose, dec.Entity = false, []string{"meta"}, xml.HTMLEntity
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		require.NotContains(t, []string{"script", "img", "link", "iframe", "object", "embed", "form", "base", "svg", "video"}, start.Name.Local)
		for _, a := range start.Attr {
			require.NotContains(t, []string{"style", "src", "srcset", "action"}, a.Name.Local)
			require.False(t, strings.HasPrefix(a.Name.Local, "on"), a.Name.Local)
			if a.Name.Local == "href" {
				target, inside := strings.CutPrefix(a.Value, "#")
				require.True(t, inside && ids[target] || a.Value == "/openapi.yaml", a.Value)
			}
		}
	}
	style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(html)
	sum := sha256.Sum256([]byte(style[1]))
	require.Contains(t, docs.CSP(), "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'", "the browser must find the style to be ours")
	require.Contains(t, docs.CSP(), "default-src 'none'")
	require.NotContains(t, docs.CSP(), "unsafe")
	require.NotContains(t, html, "url(")
	require.NotContains(t, html, "@import")
}
