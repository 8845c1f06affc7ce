package policy

import (
	"context"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/fault"
)

// Object is what a request is about to touch, as the service's own store describes it.
type Object struct {
	Owner      string // the principal that it belongs to
	Attributes map[string]any
}

type contextKey struct{}

type request struct {
	decider *Decider
	input   Input
}

// NewContext returns a context in which Check decides with d, for the request that in describes.
func NewContext(ctx context.Context, d *Decider, in Input) context.Context {
	return context.WithValue(ctx, contextKey{}, request{d, in})
}

// Check decides whether this request may touch this object, by the same policy that let the request in, and
// records a denial. The error is fault.Denied, and fault.Internal when there is no decision; a service that
// must not reveal that the object exists answers fault.NotFound instead. Beneath it is a Denial. An object without an owner is
// a mistake of the service's, and denied.
func Check(ctx context.Context, o Object) error {
	r, ok := ctx.Value(contextKey{}).(request)
	if !ok {
		return fault.New(fault.Internal, "no policy for this request")
	}
	if o.Owner == "" {
		return fault.New(fault.Internal, "no owner to check")
	}
	if !controls.On(controls.AppPolicyOwner) {
		return nil
	}
	defer controls.Begin(ctx, controls.AppPolicyOwner).End()
	in := r.input
	in.Owner, in.Attributes = o.Owner, o.Attributes
	decision, err := r.decider.Decide(ctx, in)
	if !decision.Allow && !controls.On(controls.AppPolicy) {
		decision.Allow = in.Principal == "" || in.Owner == in.Principal // all that is left of the rules
	}
	if decision.Allow {
		return nil
	}
	controls.Record(ctx, controls.AppPolicyOwner, controls.Deny, decision.Reason, decision.attrs(in)...)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "no policy decision")
	}
	return fault.Wrap(fault.Denied, &Denial{decision.Rule}, "%s", decision.Reason)
}

// Denial is the cause of Check's fault: which rule denied.
type Denial struct{ Rule string }

func (d *Denial) Error() string { return "rule " + d.Rule }

func (d Decision) attrs(in Input) []any {
	return []any{"decision_id", d.ID, "rule", d.Rule, "caller", in.Caller, "route", in.Route}
}
