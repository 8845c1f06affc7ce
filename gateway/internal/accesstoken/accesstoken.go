// Package accesstoken verifies the bearer tokens of the outside world: JWTs of one OpenID Connect issuer, with
// the checks of RFC 9068 section 4 and RFC 8725. Each check is a control of its own, so that a refusal says
// which one it was.
package accesstoken

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/fault"
)

const (
	// maxLength bounds the work that an unverified token can cause.
	maxLength = 8 << 10
	// clockSkew is how far the issuer's clock may differ from ours, either way.
	clockSkew = 30 * time.Second
	// maxPrincipal is far above any real name; a principal becomes a key in every service's store.
	maxPrincipal = 256
)

// Token is a verified access token.
type Token struct {
	Principal string
	Scopes    []string
	Client    string // the OAuth client, azp or client_id; may be empty
	Key       string // thumbprint of the key that the token is bound to (cnf.jkt, RFC 9449 section 6.1); "": to none
	Name      string // what the token is called in events, by Config.Name
}

// Config says whose tokens are accepted, and for what.
type Config struct {
	Issuer       string // exactly as in the tokens; its discovery document is below it
	Audience     string
	SubjectClaim string       // the claim that names the principal: "sub", or one that people read
	Client       *http.Client // reaches the issuer, and trusts nobody else's certificate
	// Name gives a token with these claims the name that it has in events; nil: none has one.
	Name func(claims []byte) string
}

// Verifier checks access tokens. Make it with New and keep Run running: until the issuer has been reached
// once, every token is answered with fault.Unavailable. Safe for concurrent use.
type Verifier struct {
	cfg    Config
	issuer atomic.Pointer[issuer]
}

// New returns a verifier that knows no keys yet.
func New(cfg Config) *Verifier { return &Verifier{cfg: cfg} }

// Ready returns nil once the issuer's keys are known. They stay known when the issuer is away.
func (v *Verifier) Ready() error {
	if v.issuer.Load() == nil {
		return fault.New(fault.Unavailable, "the token issuer has not been reached yet")
	}
	return nil
}

// Refusal is why a token isn't accepted. It is written for the client's developer: nothing of the token is in it.
type Refusal struct {
	Control string // the ID of the control that refuses
	Reason  string
}

func (r *Refusal) Error() string { return r.Reason }

// Verify checks the token's signature, issuer, audience, times and principal. The error is a *Refusal, or
// fault.Unavailable when the keys aren't known.
func (v *Verifier) Verify(ctx context.Context, raw string) (Token, error) {
	known := v.issuer.Load()
	if known == nil {
		return Token{}, v.Ready()
	}
	body, name, err := known.open(ctx, raw)
	if err != nil {
		return Token{}, err
	}
	var c map[string]json.RawMessage
	var standard jwt.Claims
	if json.Unmarshal(body, &c) != nil || json.Unmarshal(body, &standard) != nil {
		return Token{}, &Refusal{controls.EdgeSignature, "the access token's claims are malformed"}
	}
	if err := v.check(ctx, standard, time.Now()); err != nil {
		return Token{}, err
	}
	principal := v.principal(c)
	if err := controls.Enforce(ctx, controls.EdgeSubject, func() error { return checkPrincipal(principal) }); err != nil {
		return Token{}, err
	}
	client := text(c["azp"])
	if client == "" {
		client = text(c["client_id"])
	}
	var bound struct {
		Key string `json:"jkt"`
	}
	if confirmation := c["cnf"]; confirmation != nil && json.Unmarshal(confirmation, &bound) != nil {
		return Token{}, &Refusal{controls.EdgeSignature, "the access token's claims are malformed"}
	}
	return Token{Principal: principal, Scopes: strings.Fields(text(c["scope"])), Client: client, Key: bound.Key, Name: name}, nil
}

// Claimed is whom a token names that may be anybody's making; "" where it names nobody.
func (v *Verifier) Claimed(raw string) string {
	if len(raw) > maxLength {
		return ""
	}
	body, err := unverified(raw)
	if err != nil {
		return ""
	}
	var c map[string]json.RawMessage
	if json.Unmarshal(body, &c) != nil {
		return ""
	}
	if name := text(c[v.cfg.SubjectClaim]); validPrincipal(name) {
		return name
	}
	return ""
}

// check enforces each control by itself, so that one can be off without the others.
func (v *Verifier) check(ctx context.Context, c jwt.Claims, now time.Time) error {
	if err := controls.Enforce(ctx, controls.EdgeIssuer, func() error {
		if c.Issuer != v.cfg.Issuer {
			return &Refusal{controls.EdgeIssuer, "the access token is from another issuer"}
		}
		return nil
	}); err != nil {
		return err
	}
	if err := controls.Enforce(ctx, controls.EdgeAudience, func() error {
		if !slices.Contains(c.Audience, v.cfg.Audience) {
			return &Refusal{controls.EdgeAudience, "the access token is for another audience"}
		}
		return nil
	}); err != nil {
		return err
	}
	return controls.Enforce(ctx, controls.EdgeExpiry, func() error { return checkTimes(c, now) })
}

func checkTimes(c jwt.Claims, now time.Time) error {
	switch {
	case c.Expiry == nil:
		return &Refusal{controls.EdgeExpiry, "the access token never expires"}
	case !now.Before(c.Expiry.Time().Add(clockSkew)):
		return &Refusal{controls.EdgeExpiry, "the access token has expired"}
	case c.NotBefore != nil && now.Add(clockSkew).Before(c.NotBefore.Time()),
		c.IssuedAt != nil && now.Add(clockSkew).Before(c.IssuedAt.Time()):
		return &Refusal{controls.EdgeExpiry, "the access token isn't valid yet"}
	}
	return nil
}

// text returns a claim that is a JSON string, or "".
func text(claim json.RawMessage) string {
	var s string
	_ = json.Unmarshal(claim, &s) // a claim of another type is as good as none
	return s
}

// principal is what the token says. With edge.jwt.subject off, one without the claim is the principal of its sub,
// which is unique with the issuer and nothing that people are known by here.
func (v *Verifier) principal(c map[string]json.RawMessage) string {
	name := text(c[v.cfg.SubjectClaim])
	if name == "" && !controls.On(controls.EdgeSubject) {
		return text(c["sub"])
	}
	return name
}

func checkPrincipal(name string) error {
	if !validPrincipal(name) {
		return &Refusal{controls.EdgeSubject, "the access token names no principal"}
	}
	return nil
}

func validPrincipal(s string) bool {
	return s != "" && len(s) <= maxPrincipal && strings.TrimSpace(s) == s && !strings.ContainsFunc(s, unicode.IsControl)
}

// asymmetric is what an issuer may choose from. A shared-secret algorithm would turn its public key into the
// secret (RFC 8725, section 2.1), whatever its discovery document says.
var asymmetric = []jose.SignatureAlgorithm{
	jose.EdDSA, jose.ES256, jose.ES384, jose.ES512,
	jose.PS256, jose.PS384, jose.PS512, jose.RS256, jose.RS384, jose.RS512,
}
