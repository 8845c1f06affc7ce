// Command echo is the app behind the benchmark's rows.
//
//	echo plain <host:port> <socket>   serves TCP and a unix socket, without a mesh
//	echo chain <host:port> <socket>   the same, and hands requests on to its own port as often as they say
//	echo raw <host:port>              a chain's, by system calls as the mesh makes them
//	echo mesh [<caller>]              a workload of the mesh; its environment is any workload's. With the name of a
//	                                  caller it hands requests on to itself as that one, through the mesh
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
	"redoubt.example/scripts/internal/meshbench/rawtcp"
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
		return plain(ctx, bench.EchoServer, args[1], args[2])
	case len(args) == 3 && args[0] == "chain":
		app := func() *http.Server { return bench.HopServer(bench.Dialer("tcp:" + args[1])) }
		return plain(ctx, app, args[1], args[2])
	case len(args) == 2 && args[0] == "raw":
		return raw(ctx, args[1])
	case len(args) == 1 && args[0] == "mesh":
		return inMesh(ctx, "")
	case len(args) == 2 && args[0] == "mesh":
		return inMesh(ctx, args[1])
	}
	return &config.Error{Reason: "usage: echo plain|chain <host:port> <socket>, echo raw <host:port>, or echo mesh [<caller>]"}
}

func plain(ctx context.Context, app func() *http.Server, address, socket string) error {
	tcp, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	unix, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	group := lifecycle.NewGroup(ctx)
	group.Go("tcp", func(ctx context.Context) error { return serve(ctx, app(), tcp) })
	group.Go("unix", func(ctx context.Context) error { return serve(ctx, app(), unix) })
	return group.Wait()
}

func raw(ctx context.Context, address string) error {
	tcp, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	next := func(ctx context.Context) (net.Conn, error) { return rawtcp.Dial(ctx, address) }
	return serve(ctx, bench.HopServer(next), rawtcp.Listener{Listener: tcp})
}

func inMesh(ctx context.Context, caller string) error {
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
	if caller != "" {
		next, end, err := asCaller(ctx, cfg, caller, log)
		if err != nil {
			return err
		}
		defer end()
		app = bench.HopServer(next)
	}
	app.ConnContext = mesh.ConnContext
	group := lifecycle.NewGroup(ctx)
	group.Go("app", func(ctx context.Context) error { return serve(ctx, app, ln) })
	group.Go("admin", func(ctx context.Context) error { return serve(ctx, &http.Server{Handler: ready()}, admin) })
	return group.Wait()
}

// asCaller is how another workload reaches this one: through its sidecar, or in the mesh by itself.
func asCaller(ctx context.Context, own config.Workload, caller string, log *slog.Logger) (dial func(context.Context) (net.Conn, error), end func() error, err error) {
	dir := filepath.Join(filepath.Dir(own.RunDir), caller)
	if own.Mode == "sidecar" {
		return bench.Dialer("unix:" + filepath.Join(dir, "up-"+own.Name+".sock")), func() error { return nil }, nil
	}
	m, err := mesh.Open(ctx, mesh.Config{Workload: caller, Upstreams: []string{own.Name}, RunDir: dir, Mode: own.Mode,
		CAFile: own.CAFile, ConsulHTTP: own.ConsulHTTP, ConsulGRPC: own.ConsulGRPC, Log: log})
	if err != nil {
		return nil, nil, err
	}
	return func(ctx context.Context) (net.Conn, error) { return m.Dial(ctx, own.Name) }, m.Close, nil
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
