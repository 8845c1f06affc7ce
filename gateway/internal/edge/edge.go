// Package edge is the public API: each route of topology.yaml's edge list, authenticated, authorized by scope,
// stripped of what only services may say, and handed to its upstream with a transaction token.
package edge

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"redoubt.example/gateway/internal/accesstoken"
	"redoubt.example/gateway/internal/address"
	"redoubt.example/gateway/internal/contract"
	"redoubt.example/gateway/internal/cors"
	"redoubt.example/gateway/internal/quarantine"
	"redoubt.example/gateway/internal/shed"
	"redoubt.example/gateway/internal/waf"
	"redoubt.example/services/platform/apikey"
	"redoubt.example/services/platform/authn"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/pseudonym"
	"redoubt.example/services/platform/telemetry"
)

// Route is one entry of topology.yaml's edge list.
type Route struct {
	Route    string // "METHOD /path/{parameter}"
	Upstream string
	To       string // the upstream's route
	Scopes   []string
	Public   bool
}

// Config is what the public API is made of.
type Config struct {
	Routes []Route
	Tokens interface {
		Verify(ctx context.Context, raw string) (accesstoken.Token, error)
		Claimed(raw string) string
	}
	// Names are what clients are called in events; nil: nothing.
	Names *pseudonym.Names
	// Keys are machine clients' API keys; nil: none is accepted.
	Keys interface {
		Verify(key string) (apikey.Record, error)
	}
	// Mint signs a transaction token; the grant lacks only the requester.
	Mint func(authn.Grant) (string, error)
	// Upstream returns the way to a service. Its errors are faults.
	Upstream func(name string) http.RoundTripper
	// RPC holds, by gRPC method, what translates an HTTP request into it.
	RPC     map[string]echo.HandlerFunc
	Log     *slog.Logger
	Metrics *telemetry.Metrics
	Tracing *telemetry.Tracing // nil: none
	Ready   func() error
	// Proxies are whose word is taken for where a request comes from; Addresses, what is known of addresses, or nil.
	Proxies   address.Proxies
	Addresses *address.Reputation
	// Quarantine is whom the operator has contained; nil: nobody.
	Quarantine *quarantine.List
	Limits     Limits
	// Work and Streams bound what is in work at once; nil: nothing does.
	Work, Streams *shed.Limiter
	DPoP          DPoP
	// Contract is what openapi.yaml says; it must describe exactly Routes.
	Contract *contract.Contract
	// WAF inspects what goes on inside; nil: nothing does.
	WAF *waf.Guard
	// CORS lists the origins whose pages may use the API; nil: none.
	CORS *cors.Policy
}

// New returns the API's handler. A route that can't be served as topology.yaml describes it is an error.
func New(cfg Config) (http.Handler, error) {
	e := echo.New()
	e.HTTPErrorHandler = answerError
	routes := map[string]*Route{}
	find := func(c echo.Context) *Route { return routes[c.Request().Method+" "+c.Path()] }
	e.Use(observe(cfg), withDeadline, enforce(cfg, find), transact(cfg))
	for i, r := range cfg.Routes {
		handle, err := handler(cfg, r)
		if err != nil {
			return nil, fmt.Errorf("edge route %q: %w", r.Route, err)
		}
		method, path, _ := strings.Cut(r.Route, " ")
		routes[method+" "+pattern(path)] = &cfg.Routes[i]
		e.Add(method, pattern(path), handle)
		if !controls.On(controls.EdgeLifecycle) { // nobody ever took the old version away
			old := pattern(strings.Replace(path, "/v1/", "/v0/", 1))
			routes[method+" "+old] = &cfg.Routes[i]
			e.Add(method, old, handle)
		}
	}
	if err := checkWAF(cfg); err != nil {
		return nil, err
	}
	if err := addPages(e, cfg, routes); err != nil {
		return nil, err
	}
	if !controls.On(controls.EdgeRoutes) {
		proxyAnything(e, cfg, routes)
	}
	e.GET(livePath, func(c echo.Context) error { return c.NoContent(http.StatusNoContent) })
	e.GET(readyPath, func(c echo.Context) error {
		if err := cfg.Ready(); err != nil {
			return notReady(err)
		}
		return c.NoContent(http.StatusNoContent)
	})
	return e, nil
}

func handler(cfg Config, r Route) (echo.HandlerFunc, error) {
	if !strings.HasPrefix(r.To, "/") {
		return forward(cfg.Upstream(r.Upstream), r)
	}
	handle, ok := cfg.RPC[r.To]
	if !ok {
		return nil, fmt.Errorf("no translation to %s", r.To)
	}
	return handle, nil
}

// pattern writes a path of topology.yaml as Echo does: {id} as :id, and a colon of its own (the custom method
// of documents:batch, after Google's AIP-136) escaped.
func pattern(path string) string {
	return strings.NewReplacer(":", `\:`, "{", ":", "}", "").Replace(path)
}
