package stack

import (
	"context"
	"slices"

	"redoubt.example/infra/controlplane"
	watchdog "redoubt.example/scripts/internal/sentinel"
	"redoubt.example/scripts/internal/serverlog"
	"redoubt.example/services/platform/event"
)

// ShipServerLogs brings to sentinel, until ctx ends, what those log who have no place in the mesh. output tells where a component's
// output is kept; nil: nowhere that we could read it.
func (s *Stack) ShipServerLogs(ctx context.Context, output func(component string) string) {
	sources := []serverlog.Source{{Reporter: controlplane.Vault, Path: s.plane.AuditLog(), Event: event.FromVault}}
	if output != nil {
		sources = slices.Concat(sources, s.outputs(output))
	}
	serverlog.Ship(ctx, watchdog.NewClient(s.Sentinel()), s.cfg.Log, sources...)
}

func (s *Stack) outputs(output func(component string) string) []serverlog.Source {
	sources := []serverlog.Source{
		{Reporter: controlplane.Consul, Path: output(controlplane.Consul), Event: event.FromConsul},
		{Reporter: controlplane.Postgres, Path: output(controlplane.Postgres), Event: event.FromPostgres},
	}
	for _, job := range s.jobs {
		sources = append(sources, serverlog.Source{Reporter: job.name, Path: output(job.name), Event: event.FromLog})
	}
	return sources
}
