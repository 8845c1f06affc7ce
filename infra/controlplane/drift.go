package controlplane

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	consul "github.com/hashicorp/consul/api"
	vault "github.com/hashicorp/vault/api"
	"golang.org/x/sync/errgroup"
)

// Difference is something in which a server isn't as it is declared: in topology.yaml and in the files beside this code.
type Difference struct {
	Server string `json:"server"` // Consul, Vault or Postgres
	Kind   string `json:"kind"`   // intention, policy, login role, grant, ...
	Name   string `json:"name"`   // which one
	Wider  bool   `json:"wider"`  // somebody may do more than is declared; otherwise less, or it is just another
	Found  string `json:"found"`  // what it is like, in one sentence
	Mend   string `json:"mend"`   // how to put it right
}

// Drift compares what the three servers say with what is declared, controls that SwitchOff has off and services that are
// shut out included: those are no drift. It reads a few dozen paths of Vault's, each of which is in the audit log; for what
// is to be known within a second there is IntentionDrift. Differences are sorted.
func (p *Plane) Drift(ctx context.Context) ([]Difference, error) {
	return p.steadily(ctx, func() ([]Difference, error) {
		var all [3][]Difference
		group, ctx := errgroup.WithContext(ctx)
		for i, look := range []func(context.Context) ([]Difference, error){p.consulDrift, p.vaultDrift, p.postgresDrift} {
			group.Go(func() (err error) { all[i], err = look(ctx); return err })
		}
		err := group.Wait()
		return slices.Concat(all[:]...), err
	})
}

// IntentionDrift compares Consul's intentions alone: one read, cheap enough to be repeated each second.
func (p *Plane) IntentionDrift(ctx context.Context) ([]Difference, error) {
	return p.steadily(ctx, func() ([]Difference, error) {
		client, err := p.looker.consulAs(ctx, p)
		if err != nil {
			return nil, err
		}
		found, err := p.intentionDrift(ctx, client)
		return found, p.looker.forgetOn(err)
	})
}

// VaultDrift compares Vault alone. It reads as much as Drift does there: it is for when Vault's audit log says that somebody wrote
// what decides who may do what, see Decides.
func (p *Plane) VaultDrift(ctx context.Context) ([]Difference, error) {
	return p.steadily(ctx, func() ([]Difference, error) { return p.vaultDrift(ctx) })
}

// Decides tells whether what is written at a path of Vault's decides who may do what: policies, logins and the roles they give, mounts,
// and where the audit log goes.
func Decides(path string) bool {
	return slices.ContainsFunc([]string{"sys/policies/", "sys/policy/", "sys/auth", "sys/mounts", "sys/audit", "auth/jwt/role/", "auth/jwt/config",
		"database/roles/", "database/config/", "identity/oidc/key/", "identity/entity"}, func(prefix string) bool { return strings.HasPrefix(path, prefix) })
}

// steadily looks again while we ourselves are changing what is declared, as ShutOut does: what is half done isn't drift.
func (p *Plane) steadily(ctx context.Context, look func() ([]Difference, error)) ([]Difference, error) {
	for {
		before := p.changes.count()
		found, err := look()
		if err != nil {
			return nil, fmt.Errorf("look for drift: %w", err)
		}
		if before.underWay == 0 && p.changes.count() == before {
			slices.SortFunc(found, func(a, b Difference) int {
				return cmp.Or(cmp.Compare(a.Server, b.Server), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Found, b.Found))
			})
			return found, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("look for drift: %w", ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// changes counts what we change in what is declared. A look waits for a change, and never a change for a look: somebody may be
// waiting for a service to be shut out.
type changes struct{ begun, ended atomic.Int64 }

type changeCount struct{ begun, underWay int64 }

func (c *changes) begin() (end func()) {
	c.begun.Add(1)
	return func() { c.ended.Add(1) }
}

func (c *changes) count() changeCount {
	ended := c.ended.Load() // first, so that a change is never missed
	begun := c.begun.Load()
	return changeCount{begun, begun - ended}
}

// looker keeps the operator's logins between looks: one each second would be a write of Consul's log and two lines of
// Vault's audit log a second.
type looker struct {
	mu          sync.Mutex
	consul      *consul.Client
	consulUntil time.Time
	vault       *vault.Client
	vaultUntil  time.Time
}

func (l *looker) consulAs(ctx context.Context, p *Plane) (*consul.Client, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.consul != nil && time.Now().Before(l.consulUntil) {
		return l.consul, nil
	}
	doc, err := p.issue(ctx, "operator", "consul")
	if err != nil {
		return nil, err
	}
	anonymous, err := p.consulAs("")
	if err != nil {
		return nil, err
	}
	token, _, err := anonymous.ACL().Login(&consul.ACLLoginParams{AuthMethod: authMethod, BearerToken: doc}, consulWrite(ctx))
	if err != nil {
		return nil, fmt.Errorf("log in to Consul as operator: %w", err)
	}
	l.consul, err = p.consulAs(token.SecretID)
	l.consulUntil = time.Now().Add(tokenTTL / 2)
	return l.consul, err
}

func (l *looker) vaultAs(ctx context.Context, p *Plane) (*vault.Client, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.vault != nil && time.Now().Before(l.vaultUntil) {
		return l.vault, nil
	}
	var err error
	if l.vault, err = p.Operator(ctx); err != nil {
		return nil, err
	}
	l.vaultUntil = time.Now().Add(2 * time.Minute) // of the five that it is good for
	return l.vault, nil
}

// forgetOn has the next look log in again after an error, which may have been the login's. It passes the error on.
func (l *looker) forgetOn(err error) error {
	if err != nil && !errors.Is(err, context.Canceled) {
		l.mu.Lock()
		l.consul, l.vault = nil, nil
		l.mu.Unlock()
	}
	return err
}
