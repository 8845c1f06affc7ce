// Package azureauth stands in for vault-plugin-auth-azure.
package azureauth

import (
	"context"
	"errors"

	"github.com/hashicorp/vault/sdk/logical"
)

// Factory makes no backend: it says that there is none.
func Factory(context.Context, *logical.BackendConfig) (logical.Backend, error) {
	return nil, errors.New("vault-plugin-auth-azure is left out of this build of Vault")
}
