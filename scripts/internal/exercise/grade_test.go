package exercise_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/loadtest/bench"
	"redoubt.example/scripts/internal/attack"
	"redoubt.example/scripts/internal/exercise"
	"redoubt.example/threatmodel"
)

func TestFound(t *testing.T) {
	result := func(rule, reason string) attack.Result {
		return attack.Result{ID: "a", Verdict: attack.Blocked, Alert: &attack.Alert{Rule: rule, Reason: reason}}
	}
	for name, c := range map[string]struct {
		attacks []attack.Result
		alarms  []string
		passed  bool
		detail  string
	}{
		"honest users raise an alert, too": {[]attack.Result{result("flood", "")}, []string{"flood"}, false, "taken for attackers by flood"},
		"nobody is told":                   {[]attack.Result{result("flood", ""), result("", "no alert within 3s")}, nil, false, "a is stopped, and nobody is told: no alert within 3s"},
		"found":                            {[]attack.Result{result("flood", "")}, nil, true, "a is found by flood"},
	} {
		t.Run(name, func(t *testing.T) {
			detail, passed := exercise.Found(attack.Report{Attacks: c.attacks}, c.alarms)
			require.Equal(t, c.passed, passed)
			require.Contains(t, detail, c.detail)
		})
	}
}

// TestLatency: an interval that says nothing about the budget is no grade, neither this one nor that.
func TestLatency(t *testing.T) {
	for name, c := range map[string]struct {
		cost   bench.Difference
		passed bool
		err    string
	}{
		"within":                  {bench.Difference{Value: 900, Low: 500, High: 1400}, true, ""},
		"above":                   {bench.Difference{Value: 4000, Low: 3500, High: 4600}, false, ""},
		"close, and narrow":       {bench.Difference{Value: 1400, Low: 900, High: 1700}, true, ""},
		"wide, and above for all": {bench.Difference{Value: 9000, Low: 3000, High: 15000}, false, ""},
		"measured beside others":  {bench.Difference{Value: -2583, Low: -25755, High: 18713}, false, "too busy to tell: a document takes -25755 to 18713 us more"},
	} {
		t.Run(name, func(t *testing.T) {
			g := exercise.Grader{Cost: func(context.Context, int) (bench.Difference, error) { return c.cost, nil }}
			_, passed, err := exercise.Latency(g, t.Context(), threatmodel.Exercise{Budget: 1500})
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.passed, passed)
		})
	}
}

// TestDetectionIsNoProgram: a rule of sentinel's is handed over as it is, and nothing is built for it.
func TestDetectionIsNoProgram(t *testing.T) {
	const name = "threatmodel/detections/flood/rule.yml"
	repo := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(repo, filepath.Dir(name)), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(repo, name), []byte("condition: {gte: 50}\n"), 0o644))
	e := threatmodel.Exercise{ID: "01-a", Breaks: []threatmodel.Edit{{File: name, Old: "gte: 50", New: "gte: 5000"}}}
	c, err := exercise.NewCopy(repo, filepath.Join(t.TempDir(), e.ID), e)
	require.NoError(t, err)
	changes, err := exercise.Build(t.Context(), c, "", "")
	require.NoError(t, err)
	require.Equal(t, map[string]string{"flood": "condition: {gte: 5000}\n"}, changes.Detections)
	require.Empty(t, changes.Programs)
	require.Empty(t, changes.Declared)
	require.Nil(t, changes.Rules)
}
