package controlplane

import (
	"context"
	"fmt"
	"slices"
	"strings"

	consul "github.com/hashicorp/consul/api"
	"golang.org/x/sync/errgroup"

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

// SetDeclared has Vault hold what these files of this folder say in place of those declared here, and what is declared for all that
// aren't among them: workloads' policies, the role by which they log in, and how logins to databases are made and dropped. What is written
// later, to let a service in or to switch a control, goes by them, too. It exists to break a running platform and to mend it.
func (p *Plane) SetDeclared(ctx context.Context, other map[string]string) error {
	workloads := Workloads(p.cfg.Topology)
	for name := range other {
		workload, policy := strings.CutPrefix(name, "vault/policies/")
		if policy = policy && slices.Contains(workloads, strings.TrimSuffix(workload, ".hcl")); !policy && !slices.Contains([]string{roleJSON, loginSQL, revokeSQL}, name) {
			return fmt.Errorf("%s isn't a file that can be changed while Vault runs", name)
		}
	}
	operator, err := p.Operator(ctx)
	if err != nil {
		return err
	}
	files := edited(other)
	p.told.Store(&files)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(applyAtOnce)
	for _, name := range workloads {
		group.Go(func() error {
			text, err := files.read("vault/policies/" + name + ".hcl")
			if err != nil {
				return err
			}
			if err := operator.Sys().PutPolicyWithContext(ctx, name, text); err != nil {
				return fmt.Errorf("write Vault's policy of %s: %w", name, err)
			}
			if p.IsShutOut(name) {
				return nil // it has no role until it is let in
			}
			// Made anew: Vault keeps what a write says nothing about, and a role may lack a line.
			if _, err := operator.Logical().DeleteWithContext(ctx, "auth/jwt/role/"+name); err != nil {
				return fmt.Errorf("make Vault's login role of %s anew: %w", name, err)
			}
			if err := p.attestRole(ctx, operator, name, !p.off(Attest)); err != nil {
				return fmt.Errorf("write Vault's login role of %s: %w", name, err)
			}
			return nil
		})
	}
	for _, name := range p.databases() {
		group.Go(func() error {
			if err := p.leaseRoles(ctx, operator, name, !p.off(DBLease)); err != nil {
				return fmt.Errorf("write Vault's roles for database %s: %w", name, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// edits are the files of the last SetDeclared.
func (p *Plane) edits() edited {
	if files := p.told.Load(); files != nil {
		return *files
	}
	return nil
}
