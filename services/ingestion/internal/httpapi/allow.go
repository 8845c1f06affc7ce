package httpapi

import (
	"context"

	"redoubt.example/services/platform/policy"
)

// Allow asks the policy of the request in ctx about a document of the owner's.
func Allow(ctx context.Context, owner string) error {
	return policy.Check(ctx, policy.Object{Owner: owner})
}
