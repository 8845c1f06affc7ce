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

// Admin serves /livez, /readyz and /metrics on a unix socket, 0600, until ctx ends. ready says why the
// process isn't ready yet, nil when it is; its text is shown to whoever may open the socket.
func Admin(ctx context.Context, socketPath string, metrics *telemetry.Metrics, ready func() error) error {
	l, err := listenAdmin(socketPath)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { health(w, nil) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { health(w, ready()) })
	mux.Handle("GET /metrics", metrics.Handler())
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
	OK      bool     `json:"ok"`
	Reasons []string `json:"reasons,omitempty"`
}

func health(w http.ResponseWriter, err error) {
	h := Health{OK: err == nil}
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
