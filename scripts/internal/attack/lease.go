package attack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	vault "github.com/hashicorp/vault/api"
)

// lease gets a login to a service's database as the service does, and revokes it: what somebody has who copied it in time
// and comes too late.
func (p *player) lease(ctx context.Context, service string) (_ map[string]any, err error) {
	document, err := os.ReadFile(filepath.Join(p.places.Folders[service], "vault.jwt"))
	if err != nil {
		return nil, err
	}
	cfg := vault.DefaultConfig()
	cfg.Address = "https://" + p.places.Vault
	if err := cfg.ConfigureTLS(&vault.TLSConfig{CACert: p.lab.Status.CAFile, TLSServerName: serverName}); err != nil {
		return nil, err
	}
	client, err := vault.NewClient(cfg)
	if err != nil {
		return nil, err
	}
	defer cfg.HttpClient.CloseIdleConnections()
	login, err := client.Logical().WriteWithContext(ctx, "auth/jwt/login", map[string]any{"role": service, "jwt": strings.TrimSpace(string(document))})
	if err != nil {
		return nil, fmt.Errorf("log in to Vault as %s: %w", service, err)
	}
	client.SetToken(login.Auth.ClientToken)
	defer func() {
		err = errors.Join(err, client.Auth().Token().RevokeSelfWithContext(context.WithoutCancel(ctx), ""))
	}()
	got, err := client.Logical().ReadWithContext(ctx, "database/creds/"+service)
	if err != nil {
		return nil, fmt.Errorf("lease a login to the database of %s: %w", service, err)
	}
	if _, err := client.Logical().WriteWithContext(ctx, "sys/leases/revoke/"+got.LeaseID, map[string]any{"sync": true}); err != nil {
		return nil, fmt.Errorf("revoke the lease: %w", err)
	}
	return map[string]any{"user": got.Data["username"], "password": got.Data["password"], "database": service}, nil
}
