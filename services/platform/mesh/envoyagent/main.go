// Command envoyagent is a workload's sidecar in mode envoy: it registers the workload, makes Envoy's bootstrap, runs Envoy,
// and is its way to Consul.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"redoubt.example/infra/topology"
	"redoubt.example/services/platform/config"
	"redoubt.example/services/platform/lifecycle"
	"redoubt.example/services/platform/mesh/internal/envoy/agent"
	"redoubt.example/services/platform/telemetry"
)

// settings is the app's own environment, and where the programs are.
type settings struct {
	config.Workload
	Envoy         string `env:"ENVOY,required,notEmpty"`
	ConsulProgram string `env:"CONSUL_PROGRAM,required,notEmpty"` // makes the bootstrap
	Bind          string `env:"MESH_BIND"`                        // where peers connect; "": a free port of loopback's
	Advertise     string `env:"MESH_ADVERTISE"`                   // host:port that peers are told, where it isn't Bind: a container's name
	Datacenter    string `env:"DATACENTER" envDefault:"dc1"`
}

func main() { lifecycle.Main(run) }

func run(ctx context.Context) error {
	var cfg settings
	if err := config.Load(&cfg); err != nil {
		return err
	}
	if cfg.Mode != "envoy" {
		return &config.Error{Reason: fmt.Sprintf("Envoy has no part in mesh mode %q", cfg.Mode)}
	}
	if !filepath.IsAbs(cfg.Envoy) || !filepath.IsAbs(cfg.ConsulProgram) {
		return &config.Error{Reason: "REDOUBT_ENVOY and REDOUBT_CONSUL_PROGRAM are absolute paths"}
	}
	if len(cfg.ControlsOff) > 0 {
		return &config.Error{Reason: "REDOUBT_CONTROLS_OFF: what Envoy enforces can't be switched off"}
	}
	log := telemetry.NewLogger(os.Stderr, cfg.Name+".sidecar", cfg.LogLevel)
	slog.SetDefault(log)
	top, err := topology.Load()
	if err != nil {
		return err
	}
	service := top.Services[cfg.Name]
	if service == nil {
		return &config.Error{Reason: fmt.Sprintf("topology.yaml has no service %q", cfg.Name)}
	}
	keeper, err := agent.New(agent.Config{
		Service: cfg.Name, Instance: cfg.Instance, Datacenter: cfg.Datacenter, Protocol: protocol(service), Upstreams: top.Upstreams(cfg.Name),
		Bind: cfg.Bind, Advertise: cfg.Advertise, RunDir: cfg.RunDir, CAFile: cfg.CAFile, ConsulHTTP: cfg.ConsulHTTP, ConsulGRPC: cfg.ConsulGRPC,
		Envoy: cfg.Envoy, ConsulProgram: cfg.ConsulProgram, Log: log,
	})
	if err != nil {
		return err
	}
	parts := lifecycle.NewGroup(ctx)
	parts.Go("agent", keeper.Run)
	parts.Go("admin", keeper.ServeAdmin)
	return parts.Wait()
}

// protocol is what the app speaks; a service speaks one.
func protocol(service *topology.Service) string {
	for _, r := range service.Routes {
		if strings.HasPrefix(r.Route, "/") {
			return "http2" // gRPC
		}
	}
	return "http"
}
