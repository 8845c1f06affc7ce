package edge

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/labstack/echo/v4"

	"redoubt.example/services/platform/authn"
	"redoubt.example/services/platform/telemetry"
)

const (
	livePath  = "/livez"
	readyPath = "/readyz"

	// outside is the caller that metrics name for requests from beyond the edge.
	outside = "outside"
	// unmatched stands for whatever path isn't a route: labels are bounded.
	unmatched = "unmatched"
	routeKey  = "route"

	// requestTimeout ends before the transaction token does, so that no service inside has to refuse a token
	// that was good when the request arrived.
	requestTimeout = authn.Lifetime - time.Second
)

// observe surrounds every request: an ID of our own making, the security headers, one log line, one
// measurement, and an answer even after a panic.
func observe(cfg Config) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			begin := time.Now()
			id := telemetry.NewRequestID()
			ctx := telemetry.WithRequestID(telemetry.WithLogger(c.Request().Context(), cfg.Log), id)
			c.SetRequest(c.Request().WithContext(ctx))
			secure(c.Response().Header(), id)
			if path := c.Path(); path == livePath || path == readyPath {
				return next(c)
			}
			c.Set(routeKey, unmatched)
			defer func() {
				route, _ := c.Get(routeKey).(string)
				took := time.Since(begin)
				cfg.Metrics.ObserveRequest(outside, route, c.Response().Status, took)
				logAccess(c, route, took)
			}()
			if err := guarded(next, c); err != nil {
				c.Error(err)
			}
			return nil
		}
	}
}

// secure sets what every response carries (OWASP REST Security Cheat Sheet).
func secure(h http.Header, id string) {
	h.Set(telemetry.RequestIDHeader, id)
	h.Set("Strict-Transport-Security", "max-age=31536000")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
}

// guarded turns a panic into an error, except the one by which a handler cuts a response that it can't finish.
func guarded(next echo.HandlerFunc, c echo.Context) (err error) {
	defer func() {
		switch r := recover(); r {
		case nil:
		case http.ErrAbortHandler:
			panic(r)
		default:
			telemetry.Log(c.Request().Context()).Error("panic", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			err = fmt.Errorf("panic in handler")
		}
	}()
	return next(c)
}

func logAccess(c echo.Context, route string, took time.Duration) {
	r := c.Request()
	telemetry.Log(r.Context()).Info("request",
		"caller", outside, "peer", r.RemoteAddr, "route", route, "method", r.Method, "proto", r.Proto,
		"status", c.Response().Status, "bytes", c.Response().Size, "duration_us", took.Microseconds())
}

// named gives the request its route as topology.yaml writes it.
func named(route string) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			c.Set(routeKey, route)
			return next(c)
		}
	}
}

func withDeadline(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		ctx, cancel := context.WithTimeout(c.Request().Context(), requestTimeout)
		defer cancel()
		c.SetRequest(c.Request().WithContext(ctx))
		return next(c)
	}
}
