package controlplane

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	consul "github.com/hashicorp/consul/api"
	vault "github.com/hashicorp/vault/api"
	"golang.org/x/sync/errgroup"
)

// ErrNoGrant is returned where nothing that is out has the ID.
var ErrNoGrant = errors.New("nothing that is given out has this ID")

// RevokeLease ends a database login: its sessions are over and the role is gone when this returns.
func (p *Plane) RevokeLease(ctx context.Context, id string) error {
	operator, err := p.Operator(ctx)
	if err != nil {
		return err
	}
	lease, err := operator.Logical().WriteWithContext(ctx, "sys/leases/lookup", map[string]any{"lease_id": id})
	if gone(err) || (err == nil && lease == nil) {
		return ErrNoGrant
	}
	if err != nil {
		return fmt.Errorf("look up lease: %w", err)
	}
	if _, err := operator.Logical().WriteWithContext(ctx, "sys/leases/revoke", map[string]any{"lease_id": id, "sync": true}); err != nil {
		return fmt.Errorf("revoke lease: %w", err)
	}
	return nil
}

// RevokeToken ends a token of Vault's, and every lease got with it, or of Consul's, by its accessor.
func (p *Plane) RevokeToken(ctx context.Context, accessor string) error {
	operator, err := p.Operator(ctx)
	if err != nil {
		return err
	}
	data := map[string]any{"accessor": accessor}
	about, err := operator.Logical().WriteWithContext(ctx, "auth/token/lookup-accessor", data)
	switch {
	case err == nil && about != nil:
		_, err = operator.Logical().WriteWithContext(ctx, "auth/token/revoke-accessor", data)
		return err
	case err != nil && !gone(err):
		return fmt.Errorf("look up token: %w", err)
	}
	return p.AsConsulOperator(ctx, func(c *consul.Client) error {
		token, _, err := c.ACL().TokenRead(accessor, consulRead(ctx))
		if err != nil || len(token.ServiceIdentities) == 0 {
			return ErrNoGrant
		}
		_, err = c.ACL().TokenDelete(accessor, consulWrite(ctx))
		return err
	})
}

// RevokeVault ends the Vault tokens that the choice is for; leases go with their tokens, a moment later. It returns
// how many.
func (p *Plane) RevokeVault(ctx context.Context, chosen func(Grant) bool) (int, error) {
	operator, err := p.Operator(ctx)
	if err != nil {
		return 0, err
	}
	tokens, err := vaultTokens(ctx, operator)
	if err != nil {
		return 0, fmt.Errorf("revoke tokens: %w", err)
	}
	count := 0
	for _, g := range tokens {
		if !chosen(g) {
			continue
		}
		if _, err := operator.Logical().WriteWithContext(ctx, "auth/token/revoke-accessor", map[string]any{"accessor": g.ID}); err != nil && !gone(err) {
			return count, fmt.Errorf("revoke token of %s: %w", g.Holder, err)
		}
		count++
	}
	return count, nil
}

// RevokeConsul ends the Consul tokens that the choice is for.
func (p *Plane) RevokeConsul(ctx context.Context, chosen func(Grant) bool) (int, error) {
	count := 0
	err := p.AsConsulOperator(ctx, func(c *consul.Client) error {
		tokens, err := consulTokens(ctx, c)
		if err != nil {
			return fmt.Errorf("revoke Consul tokens: %w", err)
		}
		for _, g := range tokens {
			if !chosen(g) {
				continue
			}
			if _, err := c.ACL().TokenDelete(g.ID, consulWrite(ctx)); err != nil && !strings.Contains(err.Error(), "ACL not found") {
				return fmt.Errorf("revoke Consul token of %s: %w", g.Holder, err)
			}
			count++
		}
		return nil
	})
	return count, err
}

// ShutOut takes everything from a service: nobody logs in as it any more, with whatever document; its tokens and
// leases end; the mesh denies it in both directions, since a certificate that is out can't be called back. Its
// processes may go on running and can do nothing. LetIn undoes it.
func (p *Plane) ShutOut(ctx context.Context, service string) error {
	defer p.changes.begin()()
	p.shut.Store(service, true)
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() error { // the way in first: what is revoked mustn't be got anew
		operator, err := p.Operator(gctx)
		if err != nil {
			return err
		}
		_, err = operator.Logical().DeleteWithContext(gctx, "auth/jwt/role/"+service)
		return err
	})
	group.Go(func() error {
		return p.AsConsulOperator(gctx, func(c *consul.Client) error {
			return errors.Join(forbidLogin(gctx, c, service), p.setIntentions(gctx, c, service, consul.IntentionActionDeny))
		})
	})
	if err := group.Wait(); err != nil {
		return fmt.Errorf("shut out %s: %w", service, err)
	}
	its := func(g Grant) bool { return g.Holder == service }
	_, err := p.RevokeVault(ctx, its)
	if err == nil {
		_, err = p.RevokeConsul(ctx, its)
	}
	if err == nil && slices.Contains(p.databases(), service) {
		err = p.endLogins(ctx, service)
	}
	if err != nil {
		return fmt.Errorf("shut out %s: %w", service, err)
	}
	return nil
}

// RevokeLogins ends a service's tokens of Vault, and its database logins with them. It logs in again and has others.
func (p *Plane) RevokeLogins(ctx context.Context, service string) error {
	_, err := p.RevokeVault(ctx, func(g Grant) bool { return g.Holder == service })
	if err == nil && slices.Contains(p.databases(), service) {
		err = p.endLogins(ctx, service)
	}
	if err != nil {
		return fmt.Errorf("revoke the logins of %s: %w", service, err)
	}
	return nil
}

// endLogins doesn't wait for Vault to get round to the leases of a token that is gone.
func (p *Plane) endLogins(ctx context.Context, role string) error {
	operator, err := p.Operator(ctx)
	if err != nil {
		return err
	}
	_, err = operator.Logical().WriteWithContext(ctx, "sys/leases/revoke-prefix/database/creds/"+role+"/", map[string]any{"sync": true})
	return err
}

// LetIn gives a service back what topology.yaml gives it.
func (p *Plane) LetIn(ctx context.Context, service string) error {
	defer p.changes.begin()()
	operator, err := p.Operator(ctx)
	if err != nil {
		return err
	}
	if err := p.allowLogin(ctx, operator, service); err != nil {
		return fmt.Errorf("let %s in: %w", service, err)
	}
	p.shut.Delete(service)
	return p.AsConsulOperator(ctx, func(c *consul.Client) error {
		return errors.Join(p.applyAuth(ctx, c), p.setIntentions(ctx, c, service, consul.IntentionActionAllow))
	})
}

// IsShutOut tells whether a service was shut out and not let in again.
func (p *Plane) IsShutOut(service string) bool { _, shut := p.shut.Load(service); return shut }

func (p *Plane) allowLogin(ctx context.Context, operator *vault.Client, workload string) error {
	return p.attestRole(ctx, operator, workload, !p.off(Attest))
}

func forbidLogin(ctx context.Context, c *consul.Client, service string) error {
	rules, _, err := c.ACL().BindingRuleList(authMethod, consulRead(ctx))
	if err != nil {
		return err
	}
	for _, rule := range rules {
		if rule.Selector != subjectIs(service) {
			continue
		}
		if _, err := c.ACL().BindingRuleDelete(rule.ID, consulWrite(ctx)); err != nil {
			return err
		}
	}
	return nil
}

// setIntentions decides anew about everything that the service may connect to or that may connect to it. What
// another service that is shut out has to do with stays denied.
func (p *Plane) setIntentions(ctx context.Context, c *consul.Client, service string, action consul.IntentionAction) error {
	entries, _, err := c.ConfigEntries().List(consul.ServiceIntentions, consulRead(ctx))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		intentions, ok := entry.(*consul.ServiceIntentionsConfigEntry)
		if !ok {
			continue
		}
		changed := false
		for _, source := range intentions.Sources {
			concerned := source.Name == service || intentions.Name == service
			kept := action == consul.IntentionActionAllow && (p.IsShutOut(source.Name) || p.IsShutOut(intentions.Name))
			if concerned && !kept && source.Action != action {
				source.Action, changed = action, true
			}
		}
		if !changed {
			continue
		}
		if _, _, err := c.ConfigEntries().Set(intentions, consulWrite(ctx)); err != nil {
			return err
		}
	}
	return nil
}

// Services are the names of those that can be shut out, sorted.
func (p *Plane) Services() []string { return slices.Clone(p.cfg.Topology.Names()) }
