package boundary

import (
	"context"
	"slices"

	"redoubt.example/services/platform/authn"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/policy"
)

// again decides a second time what was decided already, each from its own source: the intention from the topology instead
// of Consul, the transaction token's signature without the cache, and the policy with what that token says.
func (r *Request) again(ctx context.Context, in policy.Input, principal bool, raw string) error {
	b := r.boundary
	attrs := []any{"caller", in.Caller, "route", in.Route}
	if err := controls.EnforceAgain(ctx, controls.MeshIntention, func() error {
		if !slices.Contains(b.Topology.Callers(b.Workload), in.Caller) {
			return fault.New(fault.Denied, "%s may not connect to %s", in.Caller, b.Workload)
		}
		return nil
	}, fault.Message, attrs...); err != nil {
		return err
	}
	if principal {
		if err := controls.EnforceAgain(ctx, controls.AppTxnToken, func() error {
			token, err := b.Verifier.VerifyAnew(ctx, raw, r.caller.TrustDomain)
			if err == nil {
				in.Principal, in.Scopes, in.Entry = token.Subject, token.Scopes, token.Entry
			}
			return err
		}, fault.Message, attrs...); err != nil {
			return err
		}
	}
	return controls.EnforceAgain(ctx, controls.AppPolicy, func() error {
		decision, err := b.Policy.Decide(ctx, in)
		switch {
		case err != nil:
			return fault.Wrap(fault.Internal, err, "no policy decision")
		case !decision.Allow:
			return fault.New(fault.Denied, "%s", decision.Reason)
		}
		return nil
	}, fault.Message, attrs...)
}

// admitAgain is the last step of Admit.
func (r *Request) admitAgain(ctx context.Context, in policy.Input, principal bool, header Header) (context.Context, error) {
	ctx, err := r.decide(ctx, in)
	if err == nil {
		err = r.again(ctx, in, principal, header.one(authn.Header))
	}
	return ctx, err
}
