package controlplane

import (
	"context"

	"golang.org/x/sync/errgroup"

	"redoubt.example/infra/process"
)

// Specs are the servers and the steps that configure them, each naming what it waits for. When the last one,
// Ready, is done, everything is configured.
//
// Consul needs only a corner of Vault, so it starts while the rest of Vault is still being configured.
func (p *Plane) Specs() []process.Spec {
	servers := []process.Spec{p.vaultSpec(), p.postgresSpec(), p.consulSpec()}
	if p.cfg.Elsewhere {
		servers = p.attended(servers)
	}
	return append(servers, []process.Spec{
		{Name: vaultConfig, Once: true, Depends: []string{Vault}, Run: p.configureVault},
		{Name: Ready, Once: true, Depends: []string{vaultConfig, Postgres, Consul}, Run: p.configureDatabases},
	}...)
}

// configureVault applies all that doesn't need PostgreSQL.
func (p *Plane) configureVault(ctx context.Context) error {
	operator, err := p.Operator(ctx)
	if err != nil {
		return err
	}
	if err := p.apply(ctx, operator, "vault/3-platform.yaml"); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx) // a user's token role needs the signing key, which is there now
	group.Go(func() error { return p.makeUsers(ctx, operator) })
	group.Go(func() error { return p.signEdge(ctx, operator) })
	return group.Wait()
}

// serverEnv is a server's whole environment. Both servers are small here: a tighter collector keeps the lab's
// memory down for a little processor time.
func serverEnv(home string) []string {
	return []string{"HOME=" + home, "PATH=/usr/bin:/bin", "LANG=C.UTF-8", "GOGC=50", "GOMEMLIMIT=160MiB", "CHECKPOINT_DISABLE=1"}
}
