package edge

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"redoubt.example/gateway/internal/accesstoken"
	"redoubt.example/services/platform/authn"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/telemetry"
)

// authenticate finds out who the client is: by a good access token (RFC 6750), or an API key.
func authenticate(cfg Config) func(*Exchange) error {
	return func(x *Exchange) error {
		if x.Route.Public {
			return nil
		}
		ctx := x.Request().Context()
		scheme, raw, err := credential(x.Request().Header)
		x.scheme, x.credential = scheme, raw
		switch {
		case err != nil && controls.On(controls.EdgeToken):
			return challenge(x, err, "")
		case err != nil:
			x.Token, err = selfDeclared(x.Request().Header), nil
		case scheme == schemeAPIKey && !controls.On(controls.EdgeAPIKey):
			x.Token = selfDeclared(x.Request().Header)
		case scheme == schemeAPIKey:
			defer controls.Begin(ctx, controls.EdgeAPIKey).End()
			x.Token, err = apiKey(cfg, raw)
		default:
			x.Token, err = cfg.Tokens.Verify(ctx, raw)
		}
		if err != nil {
			x.claims(cfg)
			return challenge(x, err, "invalid_token")
		}
		x.known(cfg)
		return nil
	}
}

// selfDeclared is whoever a request says that it is from, in headers that nobody verified. It stands for the client
// where the control that would establish it is off, and nowhere else.
func selfDeclared(h http.Header) accesstoken.Token {
	return accesstoken.Token{Principal: h.Get("X-Principal"), Scopes: strings.Fields(h.Get("X-Scopes")), Client: "self-declared"}
}

// authorize narrows the client's scopes to those of the route; one at least must be left.
func authorize(x *Exchange) error {
	if x.Route.Public {
		return nil
	}
	x.Scope = both(x.Route.Scopes, x.Token.Scopes)
	if len(x.Scope) > 0 {
		return nil
	}
	if !controls.On(controls.EdgeScope) {
		x.Scope = x.Route.Scopes
		return nil
	}
	scopes := strings.Join(x.Route.Scopes, " ")
	x.Response().Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="redoubt", error="insufficient_scope", scope=%q`, scopes))
	x.Note(controls.EdgeScope, "the access token has none of the route's scopes")
	return fault.New(fault.Denied, "the access token needs the scope %s", strings.Join(x.Route.Scopes, " or "))
}

// transact gives a request that passed all controls a transaction token for what route and client have in common.
func transact(cfg Config) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if isProbe(c) {
				return next(c)
			}
			if exchangeOf(c).Route.Public {
				return handled(next, c)
			}
			x, ctx := exchangeOf(c), c.Request().Context()
			txn := telemetry.RequestID(ctx) // one search finds the transaction in every log
			mint := controls.Begin(ctx, controls.Mint)
			raw, err := cfg.Mint(authn.Grant{Txn: txn, Subject: x.Token.Principal, Scopes: x.Scope, Entry: x.Route.Route, Client: x.Token.Client})
			mint.End()
			if err != nil {
				return err
			}
			if own := c.Request().Header.Get(authn.Header); own != "" && !controls.On(controls.EdgeHeaders) {
				raw = own // a client that speaks like a service is believed
			}
			ctx = authn.NewContext(ctx, &authn.Token{Txn: txn, Subject: x.Token.Principal, Scopes: x.Scope, Entry: x.Route.Route, Client: x.Token.Client, Raw: raw})
			c.SetRequest(c.Request().WithContext(ctx))
			return handled(next, c)
		}
	}
}

// handled calls the route's handler and enters its time.
func handled(handle echo.HandlerFunc, c echo.Context) error {
	defer controls.Begin(c.Request().Context(), controls.Application).End()
	return handle(c)
}

// The schemes of the Authorization header: an access token (RFC 6750), or a machine client's API key.
const (
	schemeBearer = "bearer"
	schemeAPIKey = "apikey"
	schemeDPoP   = "dpop" // an access token that is bound to a key (RFC 9449)
)

// credential takes it from the Authorization header. From nowhere else: a query ends up in logs, and proxies know
// that this header is not to be kept. There is one header, so there are never two credentials that disagree.
func credential(h http.Header) (scheme, raw string, err error) {
	values := h["Authorization"]
	if len(values) > 1 {
		return "", "", &accesstoken.Refusal{Control: controls.EdgeToken, Reason: "more than one Authorization header"}
	}
	if len(values) == 1 {
		scheme, raw, _ = strings.Cut(values[0], " ")
		scheme, raw = strings.ToLower(scheme), strings.TrimSpace(raw)
		if (scheme == schemeBearer || scheme == schemeAPIKey || scheme == schemeDPoP) && raw != "" {
			return scheme, raw, nil
		}
	}
	return "", "", &accesstoken.Refusal{Control: controls.EdgeToken, Reason: "an access token is needed"}
}

// apiKey makes of a good key what an access token would have been.
func apiKey(cfg Config, raw string) (accesstoken.Token, error) {
	if cfg.Keys == nil {
		return accesstoken.Token{}, &accesstoken.Refusal{Control: controls.EdgeAPIKey, Reason: "API keys aren't accepted here"}
	}
	key, err := cfg.Keys.Verify(raw)
	if err != nil {
		if fault.KindOf(err) == fault.Unauthenticated {
			err = &accesstoken.Refusal{Control: controls.EdgeAPIKey, Reason: fault.Message(err)}
		}
		return accesstoken.Token{}, err
	}
	return accesstoken.Token{Principal: key.Principal, Scopes: key.Scopes, Client: "apikey:" + key.Prefix}, nil
}

// challenge answers 401 as RFC 6750 section 3 asks: an error code only where a token was sent.
func challenge(x *Exchange, err error, code string) error {
	var refusal *accesstoken.Refusal
	if !errors.As(err, &refusal) {
		return err
	}
	text := `Bearer realm="redoubt"`
	switch {
	case refusal.Control == controls.EdgeAPIKey:
		text = `ApiKey realm="redoubt"`
	case code != "":
		text += fmt.Sprintf(`, error=%q, error_description=%q`, code, refusal.Reason)
	}
	x.Response().Header().Set("WWW-Authenticate", text)
	return x.Deny(refusal.Control, fault.Unauthenticated, refusal.Reason)
}

func both(a, b []string) []string {
	var in []string
	for _, s := range a {
		if slices.Contains(b, s) {
			in = append(in, s)
		}
	}
	return in
}
