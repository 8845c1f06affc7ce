// Package kubesecrets stands in for vault-plugin-secrets-kubernetes.
package kubesecrets

import (
	"context"
	"errors"

	"github.com/hashicorp/vault/sdk/logical"
)

// Factory makes no backend: it says that there is none.
func Factory(context.Context, *logical.BackendConfig) (logical.Backend, error) {
	return nil, errors.New("vault-plugin-secrets-kubernetes is left out of this build of Vault")
}
