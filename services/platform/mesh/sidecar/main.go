// Command sidecar is a workload's data plane in mode sidecar: mutual TLS and intentions towards the mesh,
// unix sockets towards the app.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	"redoubt.example/infra/topology"
	"redoubt.example/services/platform/config"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/event/ship"
	"redoubt.example/services/platform/lifecycle"
	"redoubt.example/services/platform/mesh/internal/plane"
	"redoubt.example/services/platform/telemetry"
)

// settings is the app's own environment, and what only a sidecar has.
type settings struct {
	config.Workload
	Bind       string `env:"MESH_BIND" envDefault:"127.0.0.1:0"` // where peers connect
	Advertise  string `env:"MESH_ADVERTISE"`                     // host:port that peers are told, where it isn't Bind: a container's name
	Datacenter string `env:"DATACENTER" envDefault:"dc1"`
}

// At the end: how long the last round of metrics may take, and sentinel for what the sidecar has to say.
const (
	closeTimeout = 2 * time.Second
	lastEvents   = time.Second
)

func main() {
	// Relaying allocates next to nothing; handshakes do, and with many connections their garbage would be half of what the
	// process holds.
	debug.SetGCPercent(60)
	lifecycle.Main(run)
}

func run(ctx context.Context) error {
	var cfg settings
	if err := config.Load(&cfg); err != nil {
		return err
	}
	if cfg.Mode != "sidecar" {
		return &config.Error{Reason: fmt.Sprintf("a sidecar has no part in mesh mode %q", cfg.Mode)}
	}
	top, err := topology.Load()
	if err != nil {
		return err
	}
	if top.Services[cfg.Name] == nil {
		return &config.Error{Reason: fmt.Sprintf("topology.yaml has no service %q", cfg.Name)}
	}
	node := cfg.Name + ".sidecar"
	metrics := telemetry.NewMetrics(node)
	events := ship.New(ship.Config{Workload: cfg.Name, Node: node, Upstreams: top.Upstreams(cfg.Name), RunDir: cfg.RunDir, Log: os.Stderr, Metrics: metrics})
	log := telemetry.NewLogger(events, node, cfg.LogLevel)
	slog.SetDefault(log)
	if err := controls.SwitchOff(log, cfg.ControlsOff); err != nil {
		return &config.Error{Reason: err.Error()}
	}
	// Its metrics alone: it sees streams, and no request to trace.
	export, err := telemetry.NewTracing(telemetry.ExportConfig{Endpoint: cfg.OTLPEndpoint, CAFile: cfg.CAFile, Workload: node, Log: log, Metrics: metrics})
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		if err := export.Close(ctx); err != nil {
			log.Warn("close telemetry", "error", err.Error())
		}
	}()
	sidecar, err := plane.NewSidecar(ctx, plane.Config{
		Service: cfg.Name, Instance: cfg.Instance, Datacenter: cfg.Datacenter, Upstreams: top.Upstreams(cfg.Name),
		RunDir: cfg.RunDir, CAFile: cfg.CAFile, Advertise: cfg.Advertise, ConsulHTTP: cfg.ConsulHTTP, ConsulGRPC: cfg.ConsulGRPC,
		Log: log, Metrics: metrics,
	}, cfg.Bind)
	if err != nil {
		return err
	}
	events.Start(sidecar)
	parts := lifecycle.NewGroup(ctx)
	parts.Go("tunnel", sidecar.Run)
	parts.Go("events", func(ctx context.Context) error {
		<-ctx.Done() // before the streams are drained, of which theirs is one
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastEvents)
		defer cancel()
		events.Close(end)
		return nil
	})
	parts.Go("admin", func(ctx context.Context) error {
		return sidecar.ServeAdmin(ctx, metrics.Handler())
	})
	return parts.Wait()
}
