package controlplane

import (
	"context"
	"fmt"

	vault "github.com/hashicorp/vault/api"
)

// signEdge has the lab CA sign Vault's pki-edge, so that who trusts ca.pem trusts what Vault issues there. The
// intermediate's key is made in Vault and never leaves it.
func (p *Plane) signEdge(ctx context.Context, as *vault.Client) error {
	there, err := exists(ctx, as, "pki-edge/cert/ca", "")
	if err != nil || there {
		return err
	}
	secret, err := as.Logical().WriteWithContext(ctx, "pki-edge/intermediate/generate/internal", map[string]any{
		"common_name": "Redoubt edge", "key_type": "ec", "key_bits": 256,
	})
	if err != nil {
		return fmt.Errorf("make the edge's CA: %w", err)
	}
	csr, _ := secret.Data["csr"].(string)
	cert, err := p.ca.signIntermediate(csr)
	if err != nil {
		return err
	}
	if _, err := as.Logical().WriteWithContext(ctx, "pki-edge/intermediate/set-signed", map[string]any{
		"certificate": string(cert) + string(p.ca.pem),
	}); err != nil {
		return fmt.Errorf("set the edge's CA: %w", err)
	}
	return nil
}
