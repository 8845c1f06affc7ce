package stack

import (
	"context"

	"redoubt.example/infra/controlplane"
	"redoubt.example/infra/topology"
	watchdog "redoubt.example/scripts/internal/sentinel"
	"redoubt.example/scripts/internal/serverlog"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/event"
)

// ShipServerLogs brings to sentinel, until ctx ends, what those log who have no place in the mesh. output tells where a component's
// output is kept; nil: nowhere that we could read it.
func (s *Stack) ShipServerLogs(ctx context.Context, output func(component string) string) {
	sources := []serverlog.Source{{Reporter: controlplane.Vault, Path: s.plane.AuditLog(), Event: s.noteVault}}
	if output != nil {
		sources = append(sources, Outputs(s.topology, output)...)
		sources = append(sources, serverlog.Source{Reporter: controls.Supervisor, Path: output(controls.Supervisor), Event: event.FromLog}) // who attacks its page
	}
	serverlog.Ship(ctx, watchdog.NewClient(s.Sentinel()), s.cfg.Log, sources...)
}

// Outputs are what Consul, PostgreSQL and the jobs log. output tells where a component's is kept.
func Outputs(top *topology.Topology, output func(component string) string) []serverlog.Source {
	sources := []serverlog.Source{
		{Reporter: controlplane.Consul, Path: output(controlplane.Consul), Event: event.FromConsul},
		{Reporter: controlplane.Postgres, Path: output(controlplane.Postgres), Event: event.FromPostgres},
	}
	for _, job := range top.JobNames() {
		sources = append(sources, serverlog.Source{Reporter: job, Path: output(job), Event: event.FromLog})
	}
	return sources
}
