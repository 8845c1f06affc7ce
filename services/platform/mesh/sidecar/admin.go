package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"redoubt.example/services/platform/mesh/internal/plane"
	"redoubt.example/services/platform/mesh/internal/unixsock"
)

// serveAdmin serves /livez, /readyz and /metrics until ctx ends. It isn't httpserver.Admin, which would bring
// the policy engine and the router into a process that has to stay small.
func serveAdmin(ctx context.Context, socket string, metrics http.Handler, s *plane.Sidecar) error {
	ln, err := unixsock.Listen(socket)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { report(w, plane.Health{OK: true}) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { report(w, health(s)) })
	mux.Handle("GET /metrics", metrics)
	server := &http.Server{Handler: mux, ReadTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 8 << 10}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve admin socket: %w", err)
	}
	return nil
}

func health(s *plane.Sidecar) plane.Health {
	h := plane.Health{OK: true, ID: s.ID()}
	if err := s.Ready(); err != nil {
		h.OK, h.Reasons = false, []string{err.Error()}
	}
	if err := s.Degraded(); err != nil {
		h.Degraded = []string{err.Error()}
	}
	return h
}

func report(w http.ResponseWriter, h plane.Health) {
	w.Header().Set("Content-Type", "application/json")
	if !h.OK {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(h)
}
