package controlplane

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
)

// Databases are the services that own a database, sorted.
func (p *Plane) Databases() []string { return p.databases() }

// RotateManagement gives Vault's own management role of a database a new password, which Vault alone knows.
// Logins that it made go on.
func (p *Plane) RotateManagement(ctx context.Context, database string) error {
	operator, err := p.Operator(ctx)
	if err != nil {
		return err
	}
	if _, err := operator.Logical().WriteWithContext(ctx, "database/rotate-root/"+database, nil); err != nil {
		return fmt.Errorf("rotate the management password of %s: %w", database, err)
	}
	return nil
}

// TransitKeys are the names of the keys of Vault's transit engine, sorted.
func (p *Plane) TransitKeys(ctx context.Context) ([]string, error) {
	operator, err := p.Operator(ctx)
	if err != nil {
		return nil, err
	}
	keys, err := list(ctx, operator, "transit/keys")
	if err != nil {
		return nil, fmt.Errorf("list transit keys: %w", err)
	}
	slices.Sort(keys)
	return keys, nil
}

// RotateTransit makes a new version of a transit key and returns its number. What older versions sealed or signed
// stays good.
func (p *Plane) RotateTransit(ctx context.Context, key string) (version int, err error) {
	operator, err := p.Operator(ctx)
	if err != nil {
		return 0, err
	}
	if _, err := operator.Logical().WriteWithContext(ctx, "transit/keys/"+key+"/rotate", nil); err != nil {
		return 0, fmt.Errorf("rotate transit key %s: %w", key, err)
	}
	about, err := operator.Logical().ReadWithContext(ctx, "transit/keys/"+key)
	if err != nil {
		return 0, fmt.Errorf("rotate transit key %s: %w", key, err)
	}
	number, _ := about.Data["latest_version"].(json.Number)
	latest, err := number.Int64()
	return int(latest), err
}

// RotateTokenKey has Vault sign access tokens with a new key from now on. Tokens signed by the one before are good
// to their end.
func (p *Plane) RotateTokenKey(ctx context.Context) error {
	operator, err := p.Operator(ctx)
	if err != nil {
		return err
	}
	if _, err := operator.Logical().WriteWithContext(ctx, "identity/oidc/key/redoubt/rotate", map[string]any{"verification_ttl": "1h"}); err != nil {
		return fmt.Errorf("rotate the access tokens' key: %w", err)
	}
	return nil
}
