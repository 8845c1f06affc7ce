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
			raw, err := bearer(c.Request().Header)
			if err != nil {
				return challenge(c, err, "")
			}
			token, err := cfg.Tokens.Verify(ctx, raw)
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

// bearer takes the token from the Authorization header. From nowhere else: a query ends up in logs.
func bearer(h http.Header) (string, error) {
	values := h["Authorization"]
	if len(values) > 1 {
		return "", &accesstoken.Refusal{Control: controls.EdgeToken, Reason: "more than one Authorization header"}
	}
	if len(values) == 1 {
		scheme, token, _ := strings.Cut(values[0], " ")
		if token = strings.TrimSpace(token); strings.EqualFold(scheme, "Bearer") && token != "" {
			return token, nil
		}
	}
	return "", &accesstoken.Refusal{Control: controls.EdgeToken, Reason: "an access token is needed"}
}

// challenge answers 401 as RFC 6750 section 3 asks: an error code only where a token was sent.
func challenge(c echo.Context, err error, code string) error {
	var refusal *accesstoken.Refusal
	if !errors.As(err, &refusal) {
		return err
	}
	controls.Record(c.Request().Context(), refusal.Control, controls.Deny, refusal.Reason, "route", c.Get(routeKey))
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
