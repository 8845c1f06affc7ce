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

// authenticate lets a request pass with a good access token (RFC 6750) that carries one of the route's scopes,
// and gives it a transaction token for what route and token have in common.
func authenticate(cfg Config, route Route) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			ctx := c.Request().Context()
			scheme, raw, err := credential(c.Request().Header)
			if err != nil {
				return challenge(c, err, "")
			}
			var token accesstoken.Token
			if scheme == schemeAPIKey {
				token, err = apiKey(cfg, raw)
			} else {
				token, err = cfg.Tokens.Verify(ctx, raw)
			}
			if err != nil {
				return challenge(c, err, "invalid_token")
			}
			granted := both(route.Scopes, token.Scopes)
			if len(granted) == 0 {
				return insufficient(c, route.Scopes)
			}
			txn := telemetry.RequestID(ctx) // one search finds the transaction in every log
			signed, err := cfg.Mint(authn.Grant{Txn: txn, Subject: token.Principal, Scopes: granted, Entry: route.Route, Client: token.Client})
			if err != nil {
				return err
			}
			ctx = authn.NewContext(ctx, &authn.Token{Txn: txn, Subject: token.Principal, Scopes: granted, Entry: route.Route, Client: token.Client, Raw: signed})
			c.SetRequest(c.Request().WithContext(ctx))
			return next(c)
		}
	}
}

// The schemes of the Authorization header: an access token (RFC 6750), or a machine client's API key.
const (
	schemeBearer = "bearer"
	schemeAPIKey = "apikey"
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
		if (scheme == schemeBearer || scheme == schemeAPIKey) && raw != "" {
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
func challenge(c echo.Context, err error, code string) error {
	var refusal *accesstoken.Refusal
	if !errors.As(err, &refusal) {
		return err
	}
	controls.Record(c.Request().Context(), refusal.Control, controls.Deny, refusal.Reason, "route", c.Get(routeKey))
	if refusal.Control == controls.EdgeAPIKey {
		c.Response().Header().Set("WWW-Authenticate", `ApiKey realm="redoubt"`)
		return fault.New(fault.Unauthenticated, "%s", refusal.Reason)
	}
	text := `Bearer realm="redoubt"`
	if code != "" {
		text += fmt.Sprintf(`, error=%q, error_description=%q`, code, refusal.Reason)
	}
	c.Response().Header().Set("WWW-Authenticate", text)
	return fault.New(fault.Unauthenticated, "%s", refusal.Reason)
}

func insufficient(c echo.Context, scopes []string) error {
	controls.Record(c.Request().Context(), controls.EdgeScope, controls.Deny, "the access token has none of the route's scopes", "route", c.Get(routeKey))
	c.Response().Header().Set("WWW-Authenticate",
		fmt.Sprintf(`Bearer realm="redoubt", error="insufficient_scope", scope=%q`, strings.Join(scopes, " ")))
	return fault.New(fault.Denied, "the access token needs the scope %s", strings.Join(scopes, " or "))
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
