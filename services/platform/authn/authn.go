// Package authn mints and verifies transaction tokens: short-lived signed JWTs that carry who the end user
// is, and what the transaction may do, from the gateway to every service behind it. They follow
// draft-ietf-oauth-transaction-tokens; the gateway is the trust domain's one transaction token service.
//
// A transaction token is not a bearer credential by itself: it counts only on a connection whose caller the
// mesh has verified and the policy lets use the route.
package authn

import (
	"context"
	"slices"
	"time"

	"redoubt.example/services/platform/servertiming"
)

const (
	// Header carries exactly one transaction token over HTTP, unchanged from hop to hop.
	Header = "Txn-Token"
	// MetadataKey is Header's name in gRPC metadata.
	MetadataKey = "txn-token"
	// Lifetime is what a token is minted with, and the most that a verifier accepts. It covers one request
	// with its retries, and bounds what a stolen token is good for.
	Lifetime = 15 * time.Second

	tokenType = "txntoken+jwt"
	algorithm = "EdDSA"
)

// Token is a verified transaction token. Shared between requests: don't change it.
type Token struct {
	Txn       string   // the transaction's ID, the same at every hop
	Subject   string   // the principal: unique within the trust domain
	Scopes    []string // narrowed to what the edge route needs
	Entry     string   // the edge route that the transaction began at: which path its token is good for
	Requester string   // SPIFFE ID of the workload that asked for the token
	Client    string   // the OAuth client that acts for the principal; may be empty
	Audience  string   // the trust domain
	Expires   time.Time
	Raw       string // as received, to be passed on unchanged; never log it
}

// HasScope tells whether the token carries any of the scopes.
func (t *Token) HasScope(anyOf ...string) bool {
	return slices.ContainsFunc(anyOf, func(s string) bool { return slices.Contains(t.Scopes, s) })
}

// claims is the token's body on the wire.
type claims struct {
	Issuer    string `json:"iss"`
	Audience  string `json:"aud"`
	Txn       string `json:"txn"`
	Subject   string `json:"sub"`
	Scope     string `json:"scope"` // space-delimited, RFC 6749 section 3.3
	Requester string `json:"req_wl"`
	Client    string `json:"azp,omitempty"`
	Context   tctx   `json:"tctx"`
	IssuedAt  int64  `json:"iat"`
	Expires   int64  `json:"exp"`
}

// tctx is the transaction's immutable context: what holds for it at every hop.
type tctx struct {
	Entry string `json:"entry"`
}

// issuer names the trust domain's transaction token service.
func issuer(trustDomain string) string { return "spiffe://" + trustDomain }

type contextKey struct{}

// NewContext returns a context that carries the request's verified token.
func NewContext(ctx context.Context, t *Token) context.Context {
	return context.WithValue(ctx, contextKey{}, t)
}

// FromContext returns the request's verified token; false on a route that needs no principal.
func FromContext(ctx context.Context) (*Token, bool) {
	t, ok := ctx.Value(contextKey{}).(*Token)
	return t, ok
}

// WantsTiming tells whether the request's transaction may be told where its time went: its token says so. Times tell what
// goes on inside, so nobody else gets any.
func WantsTiming(ctx context.Context) bool {
	t, ok := FromContext(ctx)
	return ok && t.HasScope(servertiming.Scope)
}
