package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"time"

	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/stack"
	"redoubt.example/scripts/internal/supervisor"
	"redoubt.example/services/platform/config"
)

// serve answers on a socket that only root may open, in a volume that no workload has. It begins when the servers'
// configuration is in place, which is what GET /readyz says: they may start.
func serve(ctx context.Context, socket string, l lab, sup *supervisor.Supervisor) error {
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return &config.Error{Reason: "listen: " + err.Error()}
	}
	if err := os.Chmod(socket, 0o600); err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /v1/await/{step}", func(w http.ResponseWriter, r *http.Request) {
		if err := await(r.Context(), sup, r.PathValue("step")); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	})
	mux.Handle("/", control.Handler(l))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := server.Serve(listener); ctx.Err() == nil {
		return err
	}
	return nil
}

// steps are what can be waited for, by the names that compose's one-shot containers use.
var steps = map[string]string{"configured": stack.Configured, "served": stack.Served}

// await returns once a step is done, or with why it failed.
func await(ctx context.Context, sup *supervisor.Supervisor, name string) error {
	step, ok := steps[name]
	if !ok {
		return errNoStep
	}
	for {
		for _, c := range sup.Components() {
			switch {
			case c.Name == step && c.State == supervisor.Done:
				return nil
			case c.State == supervisor.Failed:
				return errors.New(c.Name + " failed: " + c.Error)
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}
