package httpapi

import (
	"context"
	"errors"
	"strings"

	"redoubt.example/services/payments/internal/ledger"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/policy"
)

// Allow asks the policy of the request in ctx about an object of the ledger.
func Allow(ctx context.Context, o ledger.Object) error {
	attributes := map[string]any{"amount": o.Amount}
	if o.Maker != "" {
		attributes["maker"] = o.Maker
	}
	if o.Account != "" {
		attributes["account"] = string(o.Account)
	}
	err := policy.Check(ctx, policy.Object{Owner: o.Owner, Attributes: attributes})
	var denial *policy.Denial
	if errors.As(err, &denial) && strings.HasPrefix(denial.Rule, accountRules) {
		return fault.Wrap(fault.AccountBlocked, err, "%s", fault.Message(err))
	}
	return err
}

// accountRules is what the names of the rules about an account's state begin with: the answer to them is a problem of its
// own, since no other token or caller would be let through.
const accountRules = "account-"
