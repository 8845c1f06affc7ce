// Package policy decides every request of every service with Open Policy Agent, embedded: the rules are the
// Rego beside this file, their data is topology.yaml, and everything is parsed and compiled once, when it is
// loaded. On the running platform rules and data come from a signed bundle (see Bundle) and can be replaced without
// a restart. The default is to deny, and an error denies.
package policy

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/google/uuid"
	"github.com/open-policy-agent/opa/v1/ast"

	"redoubt.example/infra/topology"
)

// Input is what a decision is made from. Every field comes from something verified: the mesh, the transaction
// token, the router's own table or the service's own store, never from what the request says of itself.
type Input struct {
	Caller     string // the service name in the caller's SPIFFE ID
	Method     string // HTTP method; empty for gRPC
	Route      string // as topology.yaml writes it
	Principal  string // the transaction token's subject; empty without one
	Entry      string // the edge route that the transaction began at; empty without a token
	Scopes     []string
	Owner      string // the object's owner; empty when the decision is about no object
	Attributes map[string]any
}

// Decision is the outcome, and why.
type Decision struct {
	ID     string // UUIDv7, for the log
	Allow  bool
	Rule   string // the rule that allowed or denied, for instance "caller-not-listed"
	Reason string // for people; holds no personal data
}

// Decider holds one service's policy. Safe for concurrent use, and while the policy is replaced.
type Decider struct {
	service string
	current atomic.Pointer[prepared]
}

// New returns a decider for a service with the rules that are compiled into this program, and a topology for data.
func New(ctx context.Context, service string, top *topology.Topology) (*Decider, error) {
	routes, err := RoutesOf(service, top)
	if err != nil {
		return nil, fmt.Errorf("prepare policy: %w", err)
	}
	rules, err := Rules()
	if err != nil {
		return nil, err
	}
	p, err := prepare(ctx, service, rules, routes)
	if err != nil {
		return nil, err
	}
	d := &Decider{service: service}
	d.current.Store(p)
	return d, nil
}

// Decide evaluates the policy. With an error, the decision denies.
func (d *Decider) Decide(ctx context.Context, in Input) (Decision, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return Decision{Rule: "error", Reason: "no decision ID"}, fmt.Errorf("name decision: %w", err)
	}
	denied := Decision{ID: id.String(), Rule: "error", Reason: "the policy could not be evaluated"}
	p := d.current.Load()
	if p == nil {
		denied.Reason = "no policy is loaded"
		return denied, fmt.Errorf("evaluate policy of %s: none is loaded", d.service)
	}
	decision, err := p.decide(ctx, in)
	if err != nil {
		return denied, fmt.Errorf("evaluate policy of %s: %w", d.service, err)
	}
	decision.ID = denied.ID
	return decision, nil
}

var (
	callerTerm     = ast.InternedTerm("caller")
	methodTerm     = ast.InternedTerm("method")
	routeTerm      = ast.InternedTerm("route")
	principalTerm  = ast.InternedTerm("principal")
	entryTerm      = ast.InternedTerm("entry")
	scopesTerm     = ast.InternedTerm("scopes")
	ownerTerm      = ast.InternedTerm("owner")
	attributesTerm = ast.InternedTerm("attributes")
)

// term builds OPA's representation directly: a detour through JSON would cost more than the evaluation.
func (in Input) term() (*ast.Term, error) {
	scopes := make([]*ast.Term, len(in.Scopes))
	for i, s := range in.Scopes {
		scopes[i] = ast.InternedTerm(s)
	}
	fields := make([][2]*ast.Term, 0, 8)
	fields = append(fields,
		ast.Item(callerTerm, ast.InternedTerm(in.Caller)),
		ast.Item(methodTerm, ast.InternedTerm(in.Method)),
		ast.Item(routeTerm, ast.InternedTerm(in.Route)),
		ast.Item(principalTerm, ast.InternedTerm(in.Principal)),
		ast.Item(entryTerm, ast.InternedTerm(in.Entry)),
		ast.Item(scopesTerm, ast.ArrayTerm(scopes...)))
	if in.Owner != "" {
		fields = append(fields, ast.Item(ownerTerm, ast.InternedTerm(in.Owner)))
	}
	if len(in.Attributes) > 0 {
		attributes, err := ast.InterfaceToValue(in.Attributes)
		if err != nil {
			return nil, fmt.Errorf("encode policy attributes: %w", err)
		}
		fields = append(fields, ast.Item(attributesTerm, ast.NewTerm(attributes)))
	}
	return ast.ObjectTerm(fields...), nil
}
