// Package policy decides every request of every service with Open Policy Agent, embedded: the rules are the
// Rego beside this file, their data is topology.yaml, and everything is parsed and compiled once, at start.
// The default is to deny, and an error denies.
package policy

import (
	"context"
	"embed"
	"fmt"
	"path"
	"strings"

	"github.com/google/uuid"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"redoubt.example/infra/topology"
)

//go:embed rego/*.rego
var sources embed.FS

// Input is what a decision is made from. Every field comes from something verified: the mesh, the transaction
// token, the router's own table or the service's own store, never from what the request says of itself.
type Input struct {
	Caller     string // the service name in the caller's SPIFFE ID
	Method     string // HTTP method; empty for gRPC
	Route      string // as topology.yaml writes it
	Principal  string // the transaction token's subject; empty without one
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

// Decider holds one service's prepared policy. Safe for concurrent use.
type Decider struct {
	service string
	query   rego.PreparedEvalQuery
}

// New prepares the policy of a service. The error names the rule file at fault.
func New(ctx context.Context, service string, top *topology.Topology) (*Decider, error) {
	data, err := routeData(service, top)
	if err != nil {
		return nil, fmt.Errorf("prepare policy: %w", err)
	}
	options := []func(*rego.Rego){
		rego.Query("data.redoubt." + service + ".decision"),
		rego.Store(inmem.NewFromObjectWithOpts(data, inmem.OptReturnASTValuesOnRead(true))),
		rego.Capabilities(capabilities()),
		rego.Strict(true),
		rego.StrictBuiltinErrors(true),
	}
	found := false
	err = eachModule(func(name, text string) {
		found = found || name == service+".rego"
		options = append(options, rego.Module(name, text))
	})
	if err != nil {
		return nil, fmt.Errorf("prepare policy: %w", err)
	}
	if !found {
		return nil, fmt.Errorf("prepare policy: no rules for service %q", service)
	}
	query, err := rego.New(options...).PrepareForEval(ctx)
	if err != nil {
		return nil, fmt.Errorf("prepare policy of %s: %w", service, err)
	}
	return &Decider{service: service, query: query}, nil
}

// eachModule calls f with every rule file; tests are embedded too, but no part of a policy.
func eachModule(f func(name, text string)) error {
	entries, err := sources.ReadDir("rego")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), "_test.rego") {
			continue
		}
		text, err := sources.ReadFile(path.Join("rego", e.Name()))
		if err != nil {
			return err
		}
		f(e.Name(), string(text))
	}
	return nil
}

// Decide evaluates the policy. With an error, the decision denies.
func (d *Decider) Decide(ctx context.Context, in Input) (Decision, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return Decision{Rule: "error", Reason: "no decision ID"}, fmt.Errorf("name decision: %w", err)
	}
	denied := Decision{ID: id.String(), Rule: "error", Reason: "the policy could not be evaluated"}
	value, err := in.value()
	if err != nil {
		return denied, err
	}
	results, err := d.query.Eval(ctx, rego.EvalParsedInput(value))
	if err != nil {
		return denied, fmt.Errorf("evaluate policy of %s: %w", d.service, err)
	}
	if len(results) != 1 || len(results[0].Expressions) != 1 {
		return denied, fmt.Errorf("evaluate policy of %s: no decision", d.service)
	}
	outcome, _ := results[0].Expressions[0].Value.(map[string]any)
	allow, okAllow := outcome["allow"].(bool)
	rule, okRule := outcome["rule"].(string)
	reason, okReason := outcome["reason"].(string)
	if !okAllow || !okRule || !okReason {
		return denied, fmt.Errorf("evaluate policy of %s: malformed decision", d.service)
	}
	return Decision{ID: denied.ID, Allow: allow, Rule: rule, Reason: reason}, nil
}

// value builds OPA's representation directly: a detour through JSON would cost more than the evaluation.
func (in Input) value() (ast.Value, error) {
	scopes := make([]*ast.Term, len(in.Scopes))
	for i, s := range in.Scopes {
		scopes[i] = ast.StringTerm(s)
	}
	fields := [][2]*ast.Term{
		{ast.InternedTerm("caller"), ast.StringTerm(in.Caller)},
		{ast.InternedTerm("method"), ast.StringTerm(in.Method)},
		{ast.InternedTerm("route"), ast.StringTerm(in.Route)},
		{ast.InternedTerm("principal"), ast.StringTerm(in.Principal)},
		{ast.InternedTerm("scopes"), ast.ArrayTerm(scopes...)},
	}
	if in.Owner != "" {
		fields = append(fields, ast.Item(ast.InternedTerm("owner"), ast.StringTerm(in.Owner)))
	}
	if len(in.Attributes) > 0 {
		attributes, err := ast.InterfaceToValue(in.Attributes)
		if err != nil {
			return nil, fmt.Errorf("encode policy attributes: %w", err)
		}
		fields = append(fields, ast.Item(ast.InternedTerm("attributes"), ast.NewTerm(attributes)))
	}
	return ast.NewObject(fields...), nil
}
