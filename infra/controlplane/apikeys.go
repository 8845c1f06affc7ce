package controlplane

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// Pepper derives from a version of a transit key, 0 for the newest, a secret that only those can have who may use the key. It tells
// which version that was.
func (p *Plane) Pepper(ctx context.Context, key, purpose string, keyVersion int) (pepper []byte, version int, err error) {
	operator, err := p.Operator(ctx)
	if err != nil {
		return nil, 0, err
	}
	input := map[string]any{"input": base64.StdEncoding.EncodeToString([]byte(purpose))}
	if keyVersion > 0 {
		input["key_version"] = keyVersion
	}
	secret, err := operator.Logical().WriteWithContext(ctx, "transit/hmac/"+key, input)
	if err != nil {
		return nil, 0, fmt.Errorf("derive pepper: %w", err)
	}
	parts := strings.Split(text(secret.Data["hmac"]), ":") // vault:v1:base64
	if len(parts) != 3 {
		return nil, 0, fmt.Errorf("derive pepper: Vault's answer has another form")
	}
	if version, err = strconv.Atoi(strings.TrimPrefix(parts[1], "v")); err != nil {
		return nil, 0, fmt.Errorf("derive pepper: %w", err)
	}
	pepper, err = base64.StdEncoding.DecodeString(parts[2])
	return pepper, version, err
}
