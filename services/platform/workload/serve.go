package workload

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"

	"google.golang.org/grpc"

	"redoubt.example/services/platform/boundary"
	"redoubt.example/services/platform/grpcserver"
	"redoubt.example/services/platform/httpserver"
	"redoubt.example/services/platform/lifecycle"
)

// part is something that runs as long as the workload serves.
type part struct {
	name string
	run  func(context.Context) error
}

// check is one condition of being ready.
type check struct {
	name string
	ok   func() error
}

// Go has run run while the workload serves: a sweeper, an outbox, a second listener. It returns when its
// context ends; an error before that ends the process.
func (w *Workload) Go(name string, run func(ctx context.Context) error) {
	w.parts = append(w.parts, part{name, run})
}

// Ready adds a condition of being ready. ok says why not, nil when it is; it returns within a second. Call it
// before Serve.
func (w *Workload) Ready(name string, ok func() error) { w.checks = append(w.checks, check{name, ok}) }

// Serve serves the routes to the mesh, and health and metrics on the admin socket, until ctx ends; then it
// drains and closes the workload.
func (w *Workload) Serve(ctx context.Context, routes ...httpserver.Route) error {
	server, err := httpserver.New(w.boundary(), routes...)
	if err != nil {
		w.Close()
		return err
	}
	return w.run(ctx, server.Serve)
}

// ServeGRPC is Serve for a gRPC service.
func (w *Workload) ServeGRPC(ctx context.Context, register func(*grpc.Server)) error {
	server, err := grpcserver.New(w.boundary(), register)
	if err != nil {
		w.Close()
		return err
	}
	return w.run(ctx, server.Serve)
}

func (w *Workload) boundary() boundary.Config {
	return boundary.Config{Workload: w.Config.Name, Log: w.Log, Metrics: w.Metrics, Tracing: w.Tracing, Verifier: w.Verifier,
		Policy: w.Policy, Topology: w.Topology}
}

func (w *Workload) run(ctx context.Context, serve func(context.Context, net.Listener) error) error {
	defer w.Close()
	l, err := w.Mesh.Listen()
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	// The admin socket answers, "draining", until the last part has ended.
	adminCtx, stopAdmin := context.WithCancel(context.WithoutCancel(ctx))
	defer stopAdmin()
	group := lifecycle.NewGroup(ctx)
	ready := w.readiness(group.Context())
	admin := make(chan error, 1)
	go func() {
		admin <- httpserver.Admin(adminCtx, filepath.Join(w.Config.RunDir, AdminSocket), w.Metrics, ready, w.adminOptions()...)
	}()
	group.Go("mesh listener", func(ctx context.Context) error { return serve(ctx, l) })
	group.Go("admin", func(ctx context.Context) error {
		select {
		case err := <-admin:
			return fmt.Errorf("ended: %w", err)
		case <-ctx.Done():
			return nil
		}
	})
	for _, p := range w.parts {
		group.Go(p.name, p.run)
	}
	w.Log.Info("serving", "mode", w.Config.Mode)
	err = group.Wait()
	w.Log.Info("stopped")
	return err
}

// readiness names every reason at once.
func (w *Workload) readiness(ctx context.Context) func() error {
	return func() error {
		if ctx.Err() != nil {
			return errors.New("draining")
		}
		var reasons []error
		for _, c := range w.checks {
			if err := c.ok(); err != nil {
				reasons = append(reasons, fmt.Errorf("%s: %w", c.name, err))
			}
		}
		return errors.Join(reasons...)
	}
}
