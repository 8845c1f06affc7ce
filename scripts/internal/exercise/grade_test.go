package exercise_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

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
