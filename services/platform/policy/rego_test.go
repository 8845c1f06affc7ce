package policy_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/tester"
	"github.com/stretchr/testify/require"
)

// TestRego runs the *_test.rego files, as `opa test --coverage` does: each test passes, and each line of each
// rule is reached by one.
func TestRego(t *testing.T) {
	files, err := filepath.Glob("rego/*.rego")
	require.NoError(t, err)
	modules := map[string]*ast.Module{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		modules[file], err = ast.ParseModuleWithOpts(file, string(text), ast.ParserOptions{RegoVersion: ast.RegoV1})
		require.NoError(t, err)
	}
	store := inmem.New()
	txn, err := store.NewTransaction(t.Context())
	require.NoError(t, err)
	defer store.Abort(t.Context(), txn)
	coverage := cover.New()
	results, err := tester.NewRunner().SetStore(store).SetModules(modules).SetCoverageQueryTracer(coverage).RunTests(t.Context(), txn)
	require.NoError(t, err)

	ran := map[string]bool{}
	for r := range results {
		ran[r.Package] = true
		t.Run(r.Package+"/"+r.Name, func(t *testing.T) {
			require.NoError(t, r.Error)
			require.True(t, r.Pass(), "%s fails", r.Location)
		})
	}
	require.Len(t, ran, len(files)/2, "a rule file without tests")
	for file, report := range coverage.Report(modules).Files {
		require.Emptyf(t, report.NotCovered, "%s has lines that no test reaches", file)
		t.Logf("%s: %d lines, %.0f %% covered", file, report.CoveredLines, report.Coverage)
	}
}
