package controlplane

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// PolicyPublisher is the one identity that may sign policy bundles.
const PolicyPublisher = "policy-publisher"

// SignPolicy has Vault sign a policy bundle (Ed25519, RFC 8032), as the publisher: a login good for one minute and
// for nothing else. The version names the public key to verify with.
func (p *Plane) SignPolicy(ctx context.Context, message []byte) (signature []byte, version int, err error) {
	client, err := p.loginVault(ctx, PolicyPublisher, PolicyPublisher)
	if err != nil {
		return nil, 0, err
	}
	secret, err := client.Logical().WriteWithContext(ctx, "transit/sign/policy", map[string]any{
		"input": base64.StdEncoding.EncodeToString(message)})
	if err != nil {
		return nil, 0, fmt.Errorf("sign policy: %w", err)
	}
	text, _ := secret.Data["signature"].(string)
	parts := strings.Split(text, ":") // vault:v1:base64
	if len(parts) != 3 {
		return nil, 0, fmt.Errorf("sign policy: Vault's answer is not a signature")
	}
	if version, err = strconv.Atoi(strings.TrimPrefix(parts[1], "v")); err != nil {
		return nil, 0, fmt.Errorf("sign policy: Vault's answer names no key version")
	}
	if signature, err = base64.StdEncoding.DecodeString(parts[2]); err != nil {
		return nil, 0, fmt.Errorf("sign policy: %w", err)
	}
	return signature, version, nil
}
