package controlplane

import (
	"context"
	"errors"
	"fmt"
	"time"

	consul "github.com/hashicorp/consul/api"

	"redoubt.example/infra/process"
)

const (
	authMethod = "workloads"
	nodeName   = "lab"
)

func (p *Plane) consulSpec() process.Spec {
	uid, gid := p.owner(Consul)
	return process.Spec{
		Name: Consul, Path: p.cfg.Consul, Args: []string{"agent", "-config-file", p.path(Consul, "server.hcl")},
		Env: serverEnv(p.path(Consul)), Dir: p.path(Consul), UID: uid, GID: gid,
		Depends:    []string{Vault},
		Ready:      p.consulLeads,
		AfterReady: p.configureConsul,
	}
}

func (p *Plane) consulAs(token string) (*consul.Client, error) {
	// A client for each use: connections that it kept would add up to more than Consul takes from one address.
	cfg := consul.DefaultNonPooledConfig()
	cfg.Address, cfg.Scheme, cfg.Token, cfg.TLSConfig.CAFile = p.ConsulHTTP, "https", token, p.CAFile
	client, err := consul.NewClient(cfg)
	if err != nil {
		return nil, fmt.Errorf("make Consul client: %w", err)
	}
	return client, nil
}

func (p *Plane) consulLeads(ctx context.Context) error {
	client, err := p.consulAs("anonymous")
	if err != nil {
		return err
	}
	// A consistent read, which needs no rights: a leader just elected answers others before it has replayed its log,
	// and knows no auth method yet.
	if _, _, err := client.Connect().CARoots(consulRead(ctx)); err != nil {
		return fmt.Errorf("ask Consul's leader: %w", err)
	}
	return nil
}

// configureConsul: the first time everything; after a restart only the node's token, which Consul doesn't store.
// Intentions that were changed meanwhile stay as they are.
func (p *Plane) configureConsul(ctx context.Context) error {
	p.consulMu.Lock()
	defer p.consulMu.Unlock()
	if !p.consulReady {
		if err := p.bootstrapConsul(ctx); err != nil {
			return err
		}
		p.consulReady = true
	}
	return p.AsConsulOperator(ctx, func(client *consul.Client) error {
		return p.setAgentToken(ctx, client)
	})
}

// bootstrapConsul uses the bootstrap token until the operator can log in, and then deletes it.
func (p *Plane) bootstrapConsul(ctx context.Context) error {
	anonymous, err := p.consulAs("")
	if err != nil {
		return err
	}
	var bootstrap *consul.ACLToken
	if err := retry(ctx, func() error {
		bootstrap, _, err = anonymous.ACL().Bootstrap()
		return err
	}); err != nil {
		return fmt.Errorf("bootstrap Consul's ACLs: %w", err)
	}
	client, err := p.consulAs(bootstrap.SecretID)
	if err != nil {
		return err
	}
	if err := p.applyConsul(ctx, client); err != nil {
		return err
	}
	if err := waitForMeshCA(ctx, client); err != nil {
		return err
	}
	return p.AsConsulOperator(ctx, func(client *consul.Client) error {
		if _, err := client.ACL().TokenDelete(bootstrap.AccessorID, consulWrite(ctx)); err != nil {
			return fmt.Errorf("delete Consul's bootstrap token: %w", err)
		}
		return nil
	})
}

// waitForMeshCA: Consul makes its CA in Vault when it becomes leader, and tries again later when that fails.
func waitForMeshCA(ctx context.Context, client *consul.Client) error {
	return retry(ctx, func() error {
		roots, _, err := client.Connect().CARoots(consulRead(ctx))
		if err == nil && len(roots.Roots) == 0 {
			err = errors.New("it has no root; Consul's log says why")
		}
		if err != nil {
			return fmt.Errorf("wait for the mesh's CA: %w", err)
		}
		return nil
	})
}

// AsConsulOperator logs the operator in to Consul for one piece of work, and out again.
func (p *Plane) AsConsulOperator(ctx context.Context, work func(*consul.Client) error) error {
	doc, err := p.issue(ctx, "operator", "consul")
	if err != nil {
		return err
	}
	anonymous, err := p.consulAs("")
	if err != nil {
		return err
	}
	token, _, err := anonymous.ACL().Login(&consul.ACLLoginParams{AuthMethod: authMethod, BearerToken: doc}, consulWrite(ctx))
	if err != nil {
		return fmt.Errorf("log in to Consul as operator: %w", err)
	}
	client, err := p.consulAs(token.SecretID)
	if err != nil {
		return err
	}
	err = work(client)
	if _, out := client.ACL().Logout(consulWrite(context.WithoutCancel(ctx))); out != nil {
		err = errors.Join(err, fmt.Errorf("log out of Consul: %w", out))
	}
	return err
}

// setAgentToken gives Consul's own node its identity, so that it can register itself.
func (p *Plane) setAgentToken(ctx context.Context, client *consul.Client) error {
	if p.agentToken == "" {
		token, _, err := client.ACL().TokenCreate(&consul.ACLToken{
			Description: "Consul's own node", Local: true,
			NodeIdentities: []*consul.ACLNodeIdentity{{NodeName: nodeName, Datacenter: "dc1"}},
		}, consulWrite(ctx))
		if err != nil {
			return fmt.Errorf("make Consul's agent token: %w", err)
		}
		p.agentToken = token.SecretID
	}
	if _, err := client.Agent().UpdateAgentACLToken(p.agentToken, consulWrite(ctx)); err != nil {
		return fmt.Errorf("set Consul's agent token: %w", err)
	}
	return nil
}

func consulWrite(ctx context.Context) *consul.WriteOptions {
	return (&consul.WriteOptions{}).WithContext(ctx)
}

func consulRead(ctx context.Context) *consul.QueryOptions {
	return (&consul.QueryOptions{RequireConsistent: true}).WithContext(ctx)
}

// tokenTTL is what a login lasts. Consul's login tokens can't be renewed: their holders log in again at half of it.
const tokenTTL = 15 * time.Minute
