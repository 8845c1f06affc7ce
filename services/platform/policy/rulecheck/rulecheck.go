// Package rulecheck runs the tests of policy rules, as `opa test --coverage` does.
package rulecheck

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/tester"
)

// Report is how the tests went.
type Report struct {
	Tests     []Test
	Uncovered []string // "file:line" of each line of a rule that no test reaches
}

// Test is one of them.
type Test struct {
	Package, Name, Location string
	Pass                    bool
	Err                     error
}

// Failures are the tests that didn't pass.
func (r Report) Failures() []string {
	var failed []string
	for _, t := range r.Tests {
		switch {
		case t.Err != nil:
			failed = append(failed, fmt.Sprintf("%s: %s: %v", t.Location, t.Name, t.Err))
		case !t.Pass:
			failed = append(failed, fmt.Sprintf("%s: %s fails", t.Location, t.Name))
		}
	}
	return failed
}

// Run runs every test in the files, rules and tests together by name. The error is about files that don't compile.
func Run(ctx context.Context, files map[string]string) (Report, error) {
	modules := make(map[string]*ast.Module, len(files))
	for name, text := range files {
		module, err := ast.ParseModuleWithOpts(name, text, ast.ParserOptions{RegoVersion: ast.RegoV1})
		if err != nil {
			return Report{}, fmt.Errorf("test policy: %w", err)
		}
		modules[name] = module
	}
	store := inmem.New()
	txn, err := store.NewTransaction(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("test policy: %w", err)
	}
	defer store.Abort(ctx, txn)
	coverage := cover.New()
	results, err := tester.NewRunner().SetStore(store).SetModules(modules).SetCoverageQueryTracer(coverage).RunTests(ctx, txn)
	if err != nil {
		return Report{}, fmt.Errorf("test policy: %w", err)
	}
	var report Report
	for r := range results {
		report.Tests = append(report.Tests, Test{Package: r.Package, Name: r.Name, Location: r.Location.String(), Pass: r.Pass(), Err: r.Error})
	}
	for name, file := range coverage.Report(modules).Files {
		if strings.HasSuffix(name, "_test.rego") {
			continue
		}
		for _, gap := range file.NotCovered {
			for row := gap.Start.Row; row <= gap.End.Row; row++ {
				report.Uncovered = append(report.Uncovered, fmt.Sprintf("%s:%d", name, row))
			}
		}
	}
	slices.Sort(report.Uncovered)
	report.Uncovered = slices.Compact(report.Uncovered)
	return report, nil
}
