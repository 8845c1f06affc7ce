package controlplane

import (
	"context"
	"fmt"
	"slices"

	consul "github.com/hashicorp/consul/api"

	"redoubt.example/infra/topology"
)

// SetIntentions has Consul hold the intentions of a topology that isn't the lab's own, or the lab's own again. It exists to break a
// running platform and to mend it.
func (p *Plane) SetIntentions(ctx context.Context, top *topology.Topology) error {
	return p.AsConsulOperator(ctx, func(c *consul.Client) error {
		for _, name := range top.Names() {
			if len(top.Callers(name)) > 0 {
				continue
			}
			if _, err := c.ConfigEntries().Delete(consul.ServiceIntentions, name, consulWrite(ctx)); err != nil {
				return fmt.Errorf("delete intentions of %s: %w", name, err)
			}
		}
		return p.applyIntentions(ctx, c, top)
	})
}

// SetVaultPolicies has Vault hold other policies for workloads than those declared here, which all others get. It exists to break
// a running platform and to mend it.
func (p *Plane) SetVaultPolicies(ctx context.Context, other map[string]string) error {
	operator, err := p.Operator(ctx)
	if err != nil {
		return err
	}
	names := Workloads(p.cfg.Topology)
	for name := range other {
		if !slices.Contains(names, name) {
			return fmt.Errorf("no workload is called %s, so Vault has no policy for it", name)
		}
	}
	for _, name := range names {
		text, changed := other[name]
		if !changed {
			declared, err := declared.ReadFile("vault/policies/" + name + ".hcl")
			if err != nil {
				return err
			}
			text = string(declared)
		}
		if _, err := operator.Logical().WriteWithContext(ctx, "sys/policies/acl/"+name, map[string]any{"policy": text}); err != nil {
			return fmt.Errorf("write Vault's policy of %s: %w", name, err)
		}
	}
	return nil
}
