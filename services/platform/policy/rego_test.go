package policy_test

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/policy"
	"redoubt.example/services/platform/policy/rulecheck"
)

// TestRego: each test in the *_test.rego files passes, each line of each rule is reached by one, and no rule file
// is without tests.
func TestRego(t *testing.T) {
	files, err := policy.Rules()
	require.NoError(t, err)
	rules := len(files)
	tests, err := policy.RuleTests()
	require.NoError(t, err)
	maps.Copy(files, tests)
	report, err := rulecheck.Run(t.Context(), files)
	require.NoError(t, err)
	packages := map[string]bool{}
	for _, test := range report.Tests {
		packages[test.Package] = true
	}
	require.Len(t, packages, rules, "a rule file without tests")
	require.Empty(t, report.Failures())
	require.Empty(t, report.Uncovered, "lines that no test reaches")
}

func TestTestsThatFailAreFound(t *testing.T) {
	report, err := rulecheck.Run(t.Context(), map[string]string{
		"a.rego":      "package a\n\nallow if input.x\n\nallow if input.y\n",
		"a_test.rego": "package a_test\n\ntest_y_denied if not data.a.allow with input as {\"y\": true}\n\ntest_x if data.a.allow with input as {\"x\": true}\n",
	})
	require.NoError(t, err)
	require.Len(t, report.Failures(), 1)
	require.Contains(t, report.Failures()[0], "test_y_denied")
	report, err = rulecheck.Run(t.Context(), map[string]string{"a.rego": "package a\n\nallow if input.x\n"})
	require.NoError(t, err)
	require.Equal(t, []string{"a.rego:3"}, report.Uncovered)
	_, err = rulecheck.Run(t.Context(), map[string]string{"a.rego": "package a\n\nallow if"})
	require.Error(t, err)
}
