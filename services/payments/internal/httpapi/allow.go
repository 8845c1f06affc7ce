package httpapi

import (
	"context"

	"redoubt.example/services/payments/internal/ledger"
	"redoubt.example/services/platform/policy"
)

// Allow asks the policy of the request in ctx about an object of the ledger.
func Allow(ctx context.Context, o ledger.Object) error {
	attributes := map[string]any{"amount": o.Amount}
	if o.Maker != "" {
		attributes["maker"] = o.Maker
	}
	return policy.Check(ctx, policy.Object{Owner: o.Owner, Attributes: attributes})
}
