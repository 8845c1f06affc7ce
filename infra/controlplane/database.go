package controlplane

import (
	"context"
	"crypto/rand"
	"fmt"

	vault "github.com/hashicorp/vault/api"
	"golang.org/x/sync/errgroup"
)

// How a login is made and dropped.
const (
	loginSQL  = "postgres/login.sql"
	revokeSQL = "postgres/revoke.sql"
)

// configureDatabases puts PostgreSQL into Vault's hands: from here on no one else knows a password of it.
func (p *Plane) configureDatabases(ctx context.Context) error {
	operator, err := p.Operator(ctx)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, name := range p.databases() {
		group.Go(func() error {
			if err := p.leaseDatabase(ctx, operator, name); err != nil {
				return fmt.Errorf("have Vault lease database %s: %w", name, err)
			}
			return nil
		})
	}
	return group.Wait()
}

func (p *Plane) leaseDatabase(ctx context.Context, as *vault.Client, name string) error {
	if err := p.connectDatabase(ctx, as, name); err != nil {
		return err
	}
	return p.leaseRoles(ctx, as, name, true)
}

// leaseRoles says how Vault makes and drops the logins of a database; unless they end with their leases, it drops none.
func (p *Plane) leaseRoles(ctx context.Context, as *vault.Client, name string, end bool) error {
	for _, role := range []string{name, name + "-migrate"} {
		data, err := p.leaseRole(name, role, p.edits(), end)
		if err != nil {
			return err
		}
		if _, err := as.Logical().WriteWithContext(ctx, "database/roles/"+role, data); err != nil {
			return err
		}
	}
	return nil
}

func (p *Plane) leaseRole(database, role string, files edited, end bool) (map[string]any, error) {
	group := database + "_app"
	if role != database {
		group = database + "_owner"
	}
	create, err := files.render(loginSQL, group, nil)
	if err != nil {
		return nil, err
	}
	revoke, err := files.render(revokeSQL, database, nil)
	if err != nil {
		return nil, err
	}
	if !end {
		create, revoke = forever(create), "SELECT 1;"
	}
	// A credential isn't renewed past its first lease: its holder gets another, so none grows old.
	return map[string]any{
		"db_name":               database,
		"creation_statements":   create,
		"revocation_statements": revoke,
		"default_ttl":           p.cfg.LeaseTTL.String(),
		"max_ttl":               p.cfg.LeaseTTL.String(),
	}, nil
}

// connectDatabase gives Vault its management role's password, which Vault changes at once to one of its own.
func (p *Plane) connectDatabase(ctx context.Context, as *vault.Client, name string) error {
	there, err := exists(ctx, as, "database/config/"+name, "")
	if err != nil || there {
		return err
	}
	password := rand.Text()
	conn, err := p.superuser(ctx, "postgres")
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	// The text is from an alphabet without quotes; a password can't be a parameter of this statement.
	if _, err := conn.Exec(ctx, fmt.Sprintf("ALTER ROLE vault_%s PASSWORD '%s'", name, password)); err != nil {
		return err
	}
	if _, err := as.Logical().WriteWithContext(ctx, "database/config/"+name, map[string]any{
		"plugin_name": "postgresql-database-plugin",
		"connection_url": fmt.Sprintf("postgresql://{{username}}:{{password}}@%s/%s?sslmode=verify-full&sslrootcert=%s",
			p.PostgresAddr, name, p.CAFile),
		"username": "vault_" + name, "password": password, "password_authentication": "scram-sha-256",
		"username_template":       "{{.RoleName}}-{{unix_time}}-{{random 8}}",
		"allowed_roles":           []string{name, name + "-migrate"},
		"max_open_connections":    4,
		"max_idle_connections":    1,
		"max_connection_lifetime": "5m",
	}); err != nil {
		return err
	}
	_, err = as.Logical().WriteWithContext(ctx, "database/rotate-root/"+name, nil)
	return err
}
