package edge

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"redoubt.example/gateway/internal/contract"
	"redoubt.example/gateway/internal/cors"
	"redoubt.example/gateway/internal/docs"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/fault"
)

// schema checks a request against the contract before anything inside sees it.
func schema(cfg Config) func(*Exchange) error {
	return func(x *Exchange) error {
		operation := cfg.Contract.Operation(x.Route.Route)
		switch {
		case operation != nil:
		case x.Route.Public && x.Route.Upstream == "": // a page of our own
			operation = contract.Nothing
		default: // edge.routes is off
			return nil
		}
		r := x.Request()
		value, err := operation.Check(contract.Request{Path: x.Param, Query: r.URL.RawQuery, Header: r.Header, Body: x.Body})
		var v *contract.Violation
		if errors.As(err, &v) {
			x.Note(controls.EdgeSchema, "the request doesn't fit the contract", "in", v.In, "rule", v.Rule)
			return fault.New(kindOf(v), "%s", v.Detail)
		}
		x.JSON = value
		return err
	}
}

// kindOf: nothing is at a path that can't be one; another content type has a status of its own.
func kindOf(v *contract.Violation) fault.Kind {
	switch v.In {
	case "path":
		return fault.NotFound
	case "media":
		return fault.UnsupportedMedia
	}
	return fault.Invalid
}

// lifecycle announces the end of what is deprecated, and answers for what has ended (410).
func lifecycle(cfg Config) func(*Exchange) error {
	return func(x *Exchange) error {
		if x.Route == nil {
			ended := cfg.Contract.RetiredAt(x.Request().URL.Path)
			if ended == nil {
				return nil
			}
			if ended.Successor != "" {
				x.Response().Header().Set("Link", fmt.Sprintf(`<%s>; rel="successor-version"`, ended.Successor))
			}
			x.Note(controls.EdgeLifecycle, "retired", "retired_path", ended.Path)
			return fault.New(fault.Gone, "%s", ended.Reason)
		}
		if operation := cfg.Contract.Operation(x.Route.Route); operation != nil && operation.Lifecycle != nil {
			operation.Lifecycle.Announce(x.Response().Header())
		}
		return nil
	}
}

// crossOrigin keeps pages of other origins out, and answers a listed one that asks what it may do.
func crossOrigin(cfg Config) func(*Exchange) error {
	any := !controls.On(controls.EdgeCORS)
	return func(x *Exchange) error {
		allow, _ := x.Get(echo.ContextKeyHeaderAllow).(string) // set where the path exists, and not for this method
		switch cfg.CORS.Check(x.Request(), allow, any, x.Response().Header()) {
		case cors.Refused:
			return x.Deny(controls.EdgeCORS, fault.Denied, "this origin isn't among those that may use the API")
		case cors.Preflight:
			x.Response().WriteHeader(http.StatusNoContent)
			return errAnswered
		}
		return nil
	}
}

// addPages serves the contract, for programs and for people, and makes sure that it is one of these routes.
func addPages(e *echo.Echo, cfg Config, routes map[string]*Route) error {
	if cfg.Contract == nil {
		return errors.New("a public API needs its contract")
	}
	for _, o := range cfg.Contract.Sorted {
		if !slices.ContainsFunc(cfg.Routes, func(r Route) bool { return r.Route == o.Route }) {
			return fmt.Errorf("the contract describes %s, which isn't a route", o.Route)
		}
	}
	for _, r := range cfg.Routes {
		if cfg.Contract.Operation(r.Route) == nil {
			return fmt.Errorf("the contract doesn't describe the route %s", r.Route)
		}
	}
	add := func(path string, handle echo.HandlerFunc) {
		routes[http.MethodGet+" "+path] = &Route{Route: http.MethodGet + " " + path, Public: true}
		e.GET(path, handle)
	}
	add("/openapi.yaml", func(c echo.Context) error {
		return c.Blob(http.StatusOK, "application/yaml", cfg.Contract.Text) // RFC 9512
	})
	add("/docs", func(c echo.Context) error {
		c.Response().Header().Set("Content-Security-Policy", docs.CSP())
		return c.HTMLBlob(http.StatusOK, docs.Page())
	})
	return nil
}
