// Command echo is the app behind the benchmark's rows.
//
//	echo plain <host:port> <socket>   serves TCP and a unix socket, without a mesh
//	echo mesh                         a workload of the mesh; its environment is any workload's
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"redoubt.example/infra/topology"
	"redoubt.example/loadtest/bench"
	"redoubt.example/services/platform/config"
	"redoubt.example/services/platform/lifecycle"
	"redoubt.example/services/platform/mesh"
	"redoubt.example/services/platform/telemetry"
)

func main() {
	lifecycle.Main(func(ctx context.Context) error { return run(ctx, os.Args[1:]) })
}

func run(ctx context.Context, args []string) error {
	switch {
	case len(args) == 3 && args[0] == "plain":
		return plain(ctx, args[1], args[2])
	case len(args) == 1 && args[0] == "mesh":
		return inMesh(ctx)
	}
	return &config.Error{Reason: "usage: echo plain <host:port> <socket>, or echo mesh"}
}

func plain(ctx context.Context, address, socket string) error {
	tcp, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	unix, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	group := lifecycle.NewGroup(ctx)
	group.Go("tcp", func(ctx context.Context) error { return serve(ctx, bench.EchoServer(), tcp) })
	group.Go("unix", func(ctx context.Context) error { return serve(ctx, bench.EchoServer(), unix) })
	return group.Wait()
}

func inMesh(ctx context.Context) error {
	var cfg config.Workload
	if err := config.Load(&cfg); err != nil {
		return err
	}
	log := telemetry.NewLogger(os.Stderr, cfg.Name, cfg.LogLevel)
	slog.SetDefault(log)
	top, err := topology.Load()
	if err != nil {
		return err
	}
	m, err := mesh.Open(ctx, mesh.Config{Workload: cfg.Name, Upstreams: top.Upstreams(cfg.Name), RunDir: cfg.RunDir, Mode: cfg.Mode,
		CAFile: cfg.CAFile, ConsulHTTP: cfg.ConsulHTTP, ConsulGRPC: cfg.ConsulGRPC, Log: log})
	if err != nil {
		return err
	}
	defer m.Close()
	ln, err := m.Listen()
	if err != nil {
		return err
	}
	admin, err := net.Listen("unix", filepath.Join(cfg.RunDir, "admin.sock"))
	if err != nil {
		return fmt.Errorf("open admin socket: %w", err)
	}
	app := bench.EchoServer()
	app.ConnContext = mesh.ConnContext
	group := lifecycle.NewGroup(ctx)
	group.Go("app", func(ctx context.Context) error { return serve(ctx, app, ln) })
	group.Go("admin", func(ctx context.Context) error { return serve(ctx, &http.Server{Handler: ready()}, admin) })
	return group.Wait()
}

// ready says what the sidecar asks for before it lets the workload have traffic.
func ready() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"ok":true}`))
	})
}

func serve(ctx context.Context, server *http.Server, ln net.Listener) error {
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
