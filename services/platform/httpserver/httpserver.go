// Package httpserver serves a service's HTTP routes to the mesh: Echo for routing, boundary for who may pass,
// RFC 9457 problems for every error, and a drain when the process ends.
package httpserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"redoubt.example/services/platform/boundary"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/mesh"
)

const (
	headerTimeout = 5 * time.Second
	readTimeout   = 15 * time.Second
	writeTimeout  = 30 * time.Second
	idleTimeout   = 2 * time.Minute // above upstream's, so that the client closes idle connections
	maxHeader     = 16 << 10
)

// Config is what the server needs to guard its routes.
type Config = boundary.Config

// Route is one route and its handler. The handler returns a fault; it never writes an error itself.
type Route struct {
	Route   string // exactly as in topology.yaml
	Handle  echo.HandlerFunc
	MaxBody int64 // 0 = boundary.MaxBody
}

// Server serves one service's routes.
type Server struct {
	boundary *boundary.Boundary
	echo     *echo.Echo
}

// New returns a server for exactly the routes that topology.yaml lists for the workload.
func New(cfg Config, routes ...Route) (*Server, error) {
	texts := make([]string, len(routes))
	for i, r := range routes {
		texts[i] = r.Route
	}
	b, err := boundary.New(cfg, texts)
	if err != nil {
		return nil, fmt.Errorf("make HTTP server: %w", err)
	}
	s := &Server{boundary: b, echo: echo.New()}
	s.echo.HTTPErrorHandler = s.fallback
	for _, r := range routes {
		method, path, err := echoRoute(r.Route)
		if err != nil {
			return nil, fmt.Errorf("make HTTP server: %w", err)
		}
		s.echo.Add(method, path, s.guard(r))
		s.echo.Add(http.MethodOptions, path, s.guard(unmatched)) // Echo would answer it itself, past the boundary
	}
	return s, nil
}

// fallback answers what Echo found no route for; it passes the boundary like everything else.
func (s *Server) fallback(_ error, c echo.Context) {
	_ = s.guard(unmatched)(c)
}

var unmatched = Route{Handle: echo.NotFoundHandler}

// ServeHTTP serves one request; the caller's identity must be in its context, as mesh.ConnContext puts it.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.echo.ServeHTTP(w, r) }

// Serve serves the mesh listener until ctx ends, then lets open requests finish for boundary.DrainTimeout. It
// closes the listener.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler:           mesh.Handler(s),
		ConnContext:       mesh.ConnContext,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.boundary.Log.Handler(), slog.LevelDebug), // peers that hang up
	}
	return serve(ctx, server, l)
}

func serve(ctx context.Context, server *http.Server, l net.Listener) error {
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), boundary.DrainTimeout)
	defer cancel()
	if err := server.Shutdown(drain); err != nil {
		_ = server.Close()
		return fault.Wrap(fault.Timeout, err, "requests were cut off after %v", boundary.DrainTimeout)
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}
