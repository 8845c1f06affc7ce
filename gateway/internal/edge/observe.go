package edge

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"redoubt.example/services/platform/authn"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/telemetry"
)

const (
	livePath  = "/livez"
	readyPath = "/readyz"

	// outside is the caller that metrics name for requests from beyond the edge.
	outside = "outside"
	// unmatched stands for whatever path isn't a route: labels are bounded.
	unmatched = "unmatched"

	// requestTimeout ends before the transaction token does, so that no service inside has to refuse a token
	// that was good when the request arrived.
	requestTimeout = authn.Lifetime - time.Second
)

// observe surrounds every request: an ID of our own making, the security headers, one log line, one
// measurement, and an answer even after a panic.
func observe(cfg Config) echo.MiddlewareFunc {
	spent := controlTimes(cfg.Metrics)
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			begin := time.Now()
			ctx, ledger := controls.WithLedger(c.Request().Context())
			id := telemetry.NewRequestID()
			ctx = telemetry.WithRequestID(telemetry.WithLogger(ctx, cfg.Log), id)
			secure(c.Response().Header(), id)
			if isProbe(c) {
				c.SetRequest(c.Request().WithContext(ctx))
				return next(c)
			}
			ctx, span := cfg.Tracing.Begin(ctx, clientsTrace(c.Request().Header))
			c.SetRequest(c.Request().WithContext(ctx))
			defer func() {
				writing := controls.Begin(ctx, controls.Telemetry)
				route := routeName(c)
				took := time.Since(begin)
				cfg.Metrics.ObserveRequest(outside, route, c.Response().Status, took)
				for _, e := range ledger.Entries() {
					if o := spent[e.Name]; o != nil {
						o.Observe(e.Time.Seconds())
					}
					span.Took(e.Name, e.Count, e.Time)
				}
				span.End(route, outside, id, c.Response().Status)
				logAccess(c, route, took, span)
				writing.End()
				if x, ok := c.Get(exchangeKey).(*Exchange); ok && x.timed != nil {
					x.timed()
				}
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

// controlTimes holds where to enter each control's time: the register bounds the labels.
func controlTimes(m *telemetry.Metrics) map[string]prometheus.Observer {
	times := map[string]prometheus.Observer{}
	for _, c := range controls.All() {
		if c.Owner == "gateway" {
			times[c.ID] = m.Control(c.ID)
		}
	}
	return times
}

// clientsTrace is the client's own trace context (W3C), if there is exactly one. It is linked, never continued.
func clientsTrace(h http.Header) string {
	if values := h[telemetry.TraceparentHeader]; len(values) == 1 {
		return values[0]
	}
	return ""
}

func logAccess(c echo.Context, route string, took time.Duration, span *telemetry.Span) {
	r := c.Request()
	attrs := []any{
		"caller", outside, "peer", r.RemoteAddr, "route", route, "method", r.Method, "proto", r.Proto,
		"status", c.Response().Status, "bytes", c.Response().Size, "duration_us", took.Microseconds()}
	if x, ok := c.Get(exchangeKey).(*Exchange); ok {
		attrs = x.describe(attrs)
	}
	ours, clients := span.TraceIDs()
	if ours != "" {
		attrs = append(attrs, "trace_id", ours)
	}
	if clients != "" {
		attrs = append(attrs, "client_trace_id", clients)
	}
	telemetry.Log(r.Context()).Info("request", attrs...)
}

// isProbe tells whether the request only asks how the gateway is: no control, no log line.
func isProbe(c echo.Context) bool { return c.Path() == livePath || c.Path() == readyPath }

// routeName is the request's route as topology.yaml writes it, also after a panic on the way.
func routeName(c echo.Context) string {
	if x, ok := c.Get(exchangeKey).(*Exchange); ok {
		return x.name()
	}
	return unmatched
}

func withDeadline(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		ctx, cancel := context.WithTimeout(c.Request().Context(), requestTimeout)
		defer cancel()
		c.SetRequest(c.Request().WithContext(ctx))
		return next(c)
	}
}
