// Package docs holds the contract as one page for people: no script, nothing from elsewhere. The page is rendered beforehand
// (package render): a program that executes templates at run time keeps every exported method of every type it has, which
// made the gateway a third larger.
package docs

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
)

var (
	//go:embed page.html
	page []byte
	//go:embed page.css
	style string
)

// Page is openapi.yaml as HTML.
func Page() []byte { return page }

// Style is the page's style sheet, which it holds as it is here.
func Style() string { return style }

// CSP lets the page's own style apply, and nothing else.
func CSP() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}
