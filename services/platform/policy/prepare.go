package policy

import (
	"context"
	"errors"
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/topdown"
	"github.com/open-policy-agent/opa/v1/util"

	"redoubt.example/services/platform/controls"
)

// prepared is one service's compiled rules with their data: read only, so one open transaction serves all queries.
//
// allow is evaluated in advance as far as the data allows (partial evaluation): what is left are conditions on the
// input alone, indexed by route and caller, which halves a decision's time. denial is asked only where allow is
// undefined. Both speak to topdown, OPA's evaluator, directly: package rego prepares as well, but its bookkeeping
// per evaluation (metrics, a transaction, results as Go maps) costs as much as a decision.
type prepared struct {
	revision      int64
	allow, denial question
	store         storage.Store
	txn           storage.Transaction
}

type question struct {
	compiler *ast.Compiler
	body     ast.Body
}

const (
	maxErrors = 3 // of a bad rule file, to be shown
	// maxPartial bounds what partial evaluation may unfold a policy to.
	maxPartial = 4000
)

// prepare compiles the rule files, by name, for a service. The error names the file and line at fault.
func prepare(ctx context.Context, service string, files map[string]string, routes Routes) (*prepared, error) {
	p, err := compile(ctx, service, files, routes)
	if err == nil && controls.On(controls.AppPolicyBundle) {
		err = p.proveDefault(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("prepare policy of %s: %w", service, err)
	}
	return p, nil
}

func compile(ctx context.Context, service string, files map[string]string, routes Routes) (p *prepared, err error) {
	if files[service+".rego"] == "" {
		return nil, fmt.Errorf("no rules for service %q", service)
	}
	modules := make(map[string]*ast.Module, len(files))
	for name, text := range files {
		if modules[name], err = ast.ParseModuleWithOpts(name, text, ast.ParserOptions{RegoVersion: ast.RegoV1}); err != nil {
			return nil, err
		}
	}
	var data any = map[string]any{"routes": routes}
	if err := util.RoundTrip(&data); err != nil {
		return nil, err
	}
	p = &prepared{store: inmem.NewFromObjectWithOpts(data.(map[string]any), inmem.OptReturnASTValuesOnRead(true))}
	if p.txn, err = p.store.NewTransaction(ctx); err != nil {
		return nil, err
	}
	root := "data.redoubt." + service
	if p.denial, err = ask("decision = "+root+".denial", modules); err != nil {
		return nil, err
	}
	if p.allow, err = ask("decision = "+root+".allow", modules); err != nil {
		return nil, err
	}
	return p, p.unfold(ctx)
}

func ask(query string, modules map[string]*ast.Module) (q question, err error) {
	q.compiler = ast.NewCompiler().WithCapabilities(capabilities()).WithStrict(true).SetErrorLimit(maxErrors)
	if q.compiler.Compile(modules); q.compiler.Failed() {
		return q, q.compiler.Errors
	}
	q.body, err = q.compiler.QueryCompiler().Compile(ast.MustParseBody(query))
	return q, err
}

// unfold replaces allow by what partial evaluation leaves of it.
func (p *prepared) unfold(ctx context.Context) error {
	bodies, support, err := topdown.NewQuery(p.allow.body).WithCompiler(p.allow.compiler).WithStore(p.store).WithTransaction(p.txn).
		WithUnknowns([]*ast.Term{ast.NewTerm(ast.InputRootRef)}).WithStrictBuiltinErrors(true).PartialRun(ctx)
	if err != nil {
		return err
	}
	if len(bodies) > maxPartial {
		return nil // correct as it is, only slower
	}
	unfolded := &ast.Module{Package: ast.MustParsePackage("package unfolded")}
	for _, body := range bodies {
		unfolded.Rules = append(unfolded.Rules, &ast.Rule{Body: body, Module: unfolded,
			Head: &ast.Head{Name: "allow", Reference: ast.Ref{ast.VarTerm("allow")}, Value: ast.NewTerm(decisionVar)}})
	}
	modules := map[string]*ast.Module{"unfolded": unfolded}
	for i, module := range support {
		modules[fmt.Sprintf("support%d", i)] = module
	}
	q := question{compiler: ast.NewCompiler().WithCapabilities(capabilities()).SetErrorLimit(maxErrors)}
	if q.compiler.Compile(modules); q.compiler.Failed() {
		return q.compiler.Errors
	}
	if q.body, err = q.compiler.QueryCompiler().Compile(ast.MustParseBody("decision = data.unfolded.allow")); err == nil {
		p.allow = q
	}
	return err
}

// proveDefault refuses rules that let in nobody, for nothing: whatever else they say, their default isn't to deny.
func (p *prepared) proveDefault(ctx context.Context) error {
	d, err := p.decide(ctx, Input{})
	if err != nil {
		return err
	}
	if d.Allow {
		return errors.New("the rules let in a caller without a name: their default must be to deny")
	}
	return nil
}

var (
	decisionVar  = ast.Var("decision")
	ruleTerm     = ast.InternedTerm("rule")
	reasonTerm   = ast.InternedTerm("reason")
	errMalformed = errors.New("malformed decision")

	// byDefault is the decision where the rules say nothing.
	byDefault = Decision{Rule: "default-deny", Reason: "no rule allows this"}
)

// AllowReason is what every decision that allows gives for its reason: its rule says the rest.
const AllowReason = "caller, principal and scope match the route"

func (p *prepared) decide(ctx context.Context, in Input) (Decision, error) {
	input, err := in.term()
	if err != nil {
		return Decision{}, err
	}
	if err := ctx.Err(); err != nil {
		return Decision{}, err
	}
	outcome, err := p.evaluate(ctx, p.allow, input)
	if err != nil {
		return Decision{}, err
	}
	if outcome != nil {
		rule, ok := outcome.Value.(ast.String)
		if !ok || rule == "" {
			return Decision{}, errMalformed
		}
		return Decision{Allow: true, Rule: string(rule), Reason: AllowReason}, nil
	}
	if outcome, err = p.evaluate(ctx, p.denial, input); err != nil {
		return Decision{}, err
	}
	return denial(outcome)
}

func (p *prepared) evaluate(ctx context.Context, q question, input *ast.Term) (outcome *ast.Term, err error) {
	err = topdown.NewQuery(q.body).WithCompiler(q.compiler).WithStore(p.store).WithTransaction(p.txn).
		WithInput(input).WithStrictBuiltinErrors(true).
		Iter(ctx, func(result topdown.QueryResult) error { outcome = result[decisionVar]; return nil })
	return outcome, err
}

func denial(outcome *ast.Term) (Decision, error) {
	if outcome == nil {
		return byDefault, nil
	}
	object, ok := outcome.Value.(ast.Object)
	if !ok {
		return Decision{}, errMalformed
	}
	rule, okRule := field(object, ruleTerm).(ast.String)
	reason, okReason := field(object, reasonTerm).(ast.String)
	if !okRule || !okReason || rule == "" {
		return Decision{}, errMalformed
	}
	return Decision{Rule: string(rule), Reason: string(reason)}, nil
}

func field(object ast.Object, name *ast.Term) ast.Value {
	if term := object.Get(name); term != nil {
		return term.Value
	}
	return nil
}
