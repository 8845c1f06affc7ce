package controlplane

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	consul "github.com/hashicorp/consul/api"
	vault "github.com/hashicorp/vault/api"
	"golang.org/x/sync/errgroup"
)

// Grant is something that Vault or Consul has given out and can take back. Its ID revokes it and opens nothing.
type Grant struct {
	Kind     string    `json:"kind"`
	Holder   string    `json:"holder"` // a workload's or job's name
	Instance string    `json:"instance,omitempty"`
	PID      int       `json:"pid,omitempty"` // the process that says it got it; Consul's tokens only
	ID       string    `json:"id"`
	Began    time.Time `json:"began"`
	Expires  time.Time `json:"expires"` // zero: when it is revoked
}

// The kinds of grants.
const (
	DatabaseLogin = "database login"
	VaultToken    = "vault token"
	ConsulToken   = "consul token"
)

// Grants lists everything that is out: what processes hold, and what the dead have left behind.
func (p *Plane) Grants(ctx context.Context) ([]Grant, error) {
	operator, err := p.Operator(ctx)
	if err != nil {
		return nil, err
	}
	var logins, tokens, consuls []Grant
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) { logins, err = p.logins(gctx, operator); return err })
	group.Go(func() (err error) { tokens, err = vaultTokens(gctx, operator); return err })
	group.Go(func() error {
		return p.AsConsulOperator(gctx, func(c *consul.Client) (err error) { consuls, err = consulTokens(gctx, c); return err })
	})
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("list what is given out: %w", err)
	}
	all := slices.Concat(tokens, logins, consuls)
	slices.SortFunc(all, func(a, b Grant) int {
		if by := strings.Compare(a.Holder, b.Holder); by != 0 {
			return by
		}
		return a.Began.Compare(b.Began)
	})
	return all, nil
}

func (p *Plane) logins(ctx context.Context, operator *vault.Client) ([]Grant, error) {
	var all []Grant
	for _, name := range p.databases() {
		for _, role := range []string{name, name + "-migrate"} {
			ids, err := list(ctx, operator, "sys/leases/lookup/database/creds/"+role)
			if err != nil {
				return nil, err
			}
			for _, id := range ids {
				lease, err := operator.Logical().WriteWithContext(ctx, "sys/leases/lookup", map[string]any{"lease_id": path.Join("database/creds", role, id)})
				if gone(err) {
					continue
				}
				if err != nil {
					return nil, err
				}
				all = append(all, Grant{Kind: DatabaseLogin, Holder: role, ID: text(lease.Data["id"]),
					Began: moment(lease.Data["issue_time"]), Expires: moment(lease.Data["expire_time"])})
			}
		}
	}
	return all, nil
}

// vaultTokens lists tokens that Vault keeps. The operator's and the users' are batch tokens, of which nothing is
// stored: they live for minutes and can't be listed.
func vaultTokens(ctx context.Context, operator *vault.Client) ([]Grant, error) {
	var all []Grant
	err := eachToken(ctx, operator, func(accessor string, token map[string]any) {
		meta, _ := token["meta"].(map[string]any)
		seconds, _ := token["creation_time"].(json.Number)
		began, _ := seconds.Int64()
		all = append(all, Grant{Kind: VaultToken, Holder: strings.TrimPrefix(text(token["display_name"]), "jwt-"), Instance: text(meta["instance"]),
			ID: accessor, Began: time.Unix(began, 0).UTC(), Expires: moment(token["expire_time"])})
	})
	return all, err
}

// eachToken looks up each token that Vault lists and still has by then: by its accessor, which can't be used as the token.
func eachToken(ctx context.Context, operator *vault.Client, visit func(accessor string, token map[string]any)) error {
	accessors, err := list(ctx, operator, "auth/token/accessors")
	if err != nil {
		return err
	}
	for _, accessor := range accessors {
		token, err := operator.Logical().WriteWithContext(ctx, "auth/token/lookup-accessor", map[string]any{"accessor": accessor})
		switch {
		case gone(err) || err == nil && token == nil:
		case err != nil:
			return err
		default:
			visit(accessor, token.Data)
		}
	}
	return nil
}

func consulTokens(ctx context.Context, c *consul.Client) ([]Grant, error) {
	entries, _, err := c.ACL().TokenList(consulRead(ctx))
	if err != nil {
		return nil, err
	}
	var all []Grant
	for _, entry := range entries {
		if len(entry.ServiceIdentities) != 1 { // Consul's own, and the one that asks
			continue
		}
		g := Grant{Kind: ConsulToken, Holder: entry.ServiceIdentities[0].ServiceName, ID: entry.AccessorID, Began: entry.CreateTime.UTC()}
		g.Instance, g.PID = loginMeta(entry.Description)
		if entry.ExpirationTime != nil {
			g.Expires = entry.ExpirationTime.UTC()
		}
		all = append(all, g)
	}
	return all, nil
}

// loginMeta reads what a login said of itself, which Consul keeps in the token's description.
func loginMeta(description string) (instance string, pid int) {
	_, object, _ := strings.Cut(description, ": ")
	var meta struct{ Instance, PID string }
	if json.Unmarshal([]byte(object), &meta) != nil {
		return "", 0
	}
	pid, _ = strconv.Atoi(meta.PID)
	return meta.Instance, pid
}

func list(ctx context.Context, as *vault.Client, path string) ([]string, error) {
	secret, err := as.Logical().ListWithContext(ctx, path)
	if err != nil || secret == nil {
		return nil, err
	}
	keys, _ := secret.Data["keys"].([]any)
	names := make([]string, len(keys))
	for i := range keys {
		names[i] = text(keys[i])
	}
	return names, nil
}

// gone: what was listed has ended before it was looked at. Vault answers 400 for a lease, 403 or 404 for a token.
func gone(err error) bool {
	var status *vault.ResponseError
	return errors.As(err, &status) && (status.StatusCode == 400 || status.StatusCode == 403 || status.StatusCode == 404)
}

func text(v any) string { s, _ := v.(string); return s }

func moment(v any) time.Time {
	at, _ := time.Parse(time.RFC3339Nano, text(v))
	return at.UTC()
}
