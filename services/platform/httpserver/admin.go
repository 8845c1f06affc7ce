package httpserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"

	"redoubt.example/services/platform/telemetry"
)

// AdminOption adds to what the admin socket offers.
type AdminOption func(*adminConfig)

type adminConfig struct {
	degraded func() []string
	handlers map[string]http.Handler
}

// WithDegraded has /readyz say what is missing while the process works without it, one sentence each.
func WithDegraded(reasons func() []string) AdminOption {
	return func(c *adminConfig) { c.degraded = reasons }
}

// WithHandler adds a route, as net/http.ServeMux spells it: an order of the operator's, say. The socket's mode is
// all that protects it.
func WithHandler(pattern string, h http.Handler) AdminOption {
	return func(c *adminConfig) { c.handlers[pattern] = h }
}

// Admin serves /livez, /readyz and /metrics on a unix socket, 0600, until ctx ends. ready says why the
// process isn't ready yet, nil when it is; its text is shown to whoever may open the socket.
func Admin(ctx context.Context, socketPath string, metrics *telemetry.Metrics, ready func() error, options ...AdminOption) error {
	cfg := adminConfig{degraded: func() []string { return nil }, handlers: map[string]http.Handler{}}
	for _, option := range options {
		option(&cfg)
	}
	l, err := listenAdmin(socketPath)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { health(w, nil, nil) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { health(w, ready(), cfg.degraded()) })
	mux.Handle("GET /metrics", metrics.Handler())
	for pattern, h := range cfg.handlers {
		mux.Handle(pattern, h)
	}
	return serve(ctx, &http.Server{Handler: mux, ReadTimeout: headerTimeout, WriteTimeout: readTimeout, MaxHeaderBytes: maxHeader}, l)
}

// listenAdmin replaces the socket that a killed predecessor left behind.
func listenAdmin(path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("replace admin socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("open admin socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("protect admin socket: %w", err)
	}
	return l, nil
}

// Health is the body of /livez and /readyz.
type Health struct {
	OK       bool     `json:"ok"`
	Reasons  []string `json:"reasons,omitempty"`  // why it isn't ready
	Degraded []string `json:"degraded,omitempty"` // what it works without, and until when
}

func health(w http.ResponseWriter, err error, degraded []string) {
	h := Health{OK: err == nil, Degraded: degraded}
	var joined interface{ Unwrap() []error }
	switch {
	case errors.As(err, &joined):
		for _, e := range joined.Unwrap() {
			h.Reasons = append(h.Reasons, e.Error())
		}
	case err != nil:
		h.Reasons = []string{err.Error()}
	}
	w.Header().Set("Content-Type", "application/json")
	if !h.OK {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(h)
}
