package stack

import (
	"context"
	"fmt"

	consul "github.com/hashicorp/consul/api"
	"golang.org/x/sync/errgroup"

	"redoubt.example/infra/process"
)

const catalog = "catalog"

// catalogStep ends when Consul lists every instance as healthy. Each is ready by then; but callers find only what
// the catalog lists, and that follows a moment later.
func (s *Stack) catalogStep() process.Spec {
	spec := process.Spec{Name: catalog, Once: true, Run: s.AwaitCatalog}
	for _, w := range s.instances {
		spec.Depends = append(spec.Depends, w.name)
		if hasSidecars(s.cfg.Mode) {
			spec.Depends = append(spec.Depends, w.name+sidecarSuffix)
		}
	}
	return spec
}

func (s *Stack) AwaitCatalog(ctx context.Context) error {
	wanted := map[string]int{}
	for _, w := range s.instances {
		wanted[w.service]++
	}
	return s.plane.AsConsulOperator(ctx, func(client *consul.Client) error {
		group, ctx := errgroup.WithContext(ctx)
		for service, count := range wanted {
			group.Go(func() error { return awaitHealthy(ctx, client, service, count) })
		}
		return group.Wait()
	})
}

// awaitHealthy uses Consul's blocking queries: each answers when something has changed since the last.
func awaitHealthy(ctx context.Context, client *consul.Client, service string, count int) error {
	for query := new(consul.QueryOptions).WithContext(ctx); ; {
		healthy, meta, err := client.Health().Connect(service, "", true, query)
		if err != nil {
			return fmt.Errorf("ask Consul for the instances of %s: %w", service, err)
		}
		if len(healthy) >= count {
			return nil
		}
		query.WaitIndex = meta.LastIndex
	}
}
