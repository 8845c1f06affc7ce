package controlplane

import (
	"context"
	"errors"
	"fmt"
	"time"

	"redoubt.example/infra/process"
)

// attendEvery is how often a server that runs elsewhere is asked whether it is still the one that was configured. None
// of the three restarts within that time.
const attendEvery = 500 * time.Millisecond

// attended makes steps of servers that somebody else runs: each lasts for as long as its server answers. Whoever
// restarts an ended step waits for the server and does AfterReady again, so that a restarted Vault is unsealed.
func (p *Plane) attended(servers []process.Spec) []process.Spec {
	var all []process.Spec
	for _, s := range servers {
		well := s.Ready
		if s.Name == Vault {
			well = p.vaultOpen
		}
		all = append(all, process.Spec{
			Name: s.Name, Depends: s.Depends, Ready: s.Ready, AfterReady: s.AfterReady,
			Run: func(ctx context.Context) error { return attend(ctx, s.Name, well) },
		})
	}
	return all
}

// attend returns when a server that was well no longer is.
func attend(ctx context.Context, name string, well func(context.Context) error) error {
	for was := false; ; {
		err := askOnce(ctx, well)
		if was && err != nil {
			return fmt.Errorf("%s is no longer well: %w", name, err)
		}
		was = was || err == nil
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(attendEvery):
		}
	}
}

func askOnce(ctx context.Context, well func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return well(ctx)
}

// vaultOpen: a Vault that was restarted is sealed.
func (p *Plane) vaultOpen(ctx context.Context) error {
	status, err := p.vault.Sys().SealStatusWithContext(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("ask Vault's seal status: %w", err)
	case status.Sealed:
		return errors.New("Vault is sealed")
	}
	return nil
}
