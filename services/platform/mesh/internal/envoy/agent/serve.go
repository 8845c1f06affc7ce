package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"time"

	"redoubt.example/services/platform/mesh/internal/envoy"
	"redoubt.example/services/platform/mesh/internal/plane"
	"redoubt.example/services/platform/mesh/internal/unixsock"
)

func lockThread() { runtime.LockOSThread() }

func orUnknown(err error) error {
	if err == nil {
		return errors.New("exit status 0")
	}
	return err
}

// Ready says in plain words why Envoy can't work yet; nil when it can.
func (a *Agent) Ready(ctx context.Context) error {
	if !a.entry.Registered() {
		return errors.New("not registered in Consul yet")
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return envoy.Ready(ctx, a.cfg.RunDir, a.cfg.Service)
}

// ServeAdmin serves what a sidecar's admin socket does, as far as Envoy has it, until ctx ends.
func (a *Agent) ServeAdmin(ctx context.Context) error {
	ln, err := unixsock.Listen(plane.AdminSocket(a.cfg.RunDir))
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, plane.Health{OK: true}) })
	mux.HandleFunc("GET /readyz", a.showReady)
	mux.HandleFunc("GET /metrics", a.showMetrics)
	mux.HandleFunc("GET /v1/leaf", a.showLeaf)
	mux.HandleFunc("POST /v1/leaf", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusNotImplemented, plane.Health{Reasons: []string{"Consul renews Envoy's leaf by itself, at nobody's request"}})
	})
	server := &http.Server{Handler: mux, ReadTimeout: 5 * time.Second, WriteTimeout: 20 * time.Second, MaxHeaderBytes: 8 << 10}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve admin socket: %w", err)
	}
	return nil
}

func (a *Agent) showReady(w http.ResponseWriter, r *http.Request) {
	h, code := plane.Health{OK: true}, http.StatusOK
	if err := a.Ready(r.Context()); err != nil {
		h, code = plane.Health{Reasons: []string{err.Error()}}, http.StatusServiceUnavailable
	} else if current, err := envoy.Current(r.Context(), a.cfg.RunDir, a.cfg.Service); err == nil {
		h.ID = current.ID.String()
	}
	if err := a.consul.Degraded(); err != nil {
		h.Degraded = []string{err.Error()}
	}
	reply(w, code, h)
}

func (a *Agent) showMetrics(w http.ResponseWriter, r *http.Request) {
	page, err := envoy.Ask(r.Context(), a.cfg.RunDir, "/stats/prometheus")
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write(page)
}

func (a *Agent) showLeaf(w http.ResponseWriter, r *http.Request) {
	current, err := envoy.Current(r.Context(), a.cfg.RunDir, a.cfg.Service)
	if err != nil {
		reply(w, http.StatusServiceUnavailable, plane.Health{Reasons: []string{err.Error()}})
		return
	}
	reply(w, http.StatusOK, plane.Leaf{ID: current.ID.String(), Serial: current.Serial, NotAfter: current.NotAfter})
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client has gone: nobody to tell
}
