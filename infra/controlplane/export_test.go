package controlplane

import (
	"context"

	consul "github.com/hashicorp/consul/api"
)

// UnsealShare is what opens Vault.
func (p *Plane) UnsealShare() string { return p.unsealShare }

// ApplyAgain applies all of the configuration to servers that have it.
func (p *Plane) ApplyAgain(ctx context.Context) error {
	operator, err := p.Operator(ctx)
	if err != nil {
		return err
	}
	for _, step := range []func() error{
		func() error { return p.apply(ctx, operator, "vault/1-operator.yaml") },
		func() error { return p.apply(ctx, operator, "vault/2-connect.yaml") },
		func() error { return p.configureVault(ctx) },
		func() error { return p.configurePostgres(ctx) },
		func() error { return p.configureDatabases(ctx) },
		func() error {
			return p.AsConsulOperator(ctx, func(c *consul.Client) error { return p.applyConsul(ctx, c) })
		},
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
