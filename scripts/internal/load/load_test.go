package load_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/k6"
	"redoubt.example/scripts/internal/load"
)

func TestWhatFailsARun(t *testing.T) {
	steady, _ := load.Find("steady")
	breakpoint, _ := load.Find("breakpoint")
	for name, c := range map[string]struct {
		scenario load.Scenario
		client   k6.Summary
		problem  string
	}{
		"nothing sent":          {steady, k6.Summary{}, "no request"},
		"dropped":               {steady, k6.Summary{Requests: 9, Dropped: 2, Crossed: []string{"dropped_iterations: count==0"}}, "the generator failed"},
		"threshold":             {steady, k6.Summary{Requests: 9, Crossed: []string{"http_req_duration: p(99)<1000"}}, "http_req_duration"},
		"check":                 {steady, k6.Summary{Requests: 9, Checks: 3, FailedChecks: 1, Broken: []string{"document stored"}}, "document stored"},
		"nothing broke":         {breakpoint, k6.Summary{Requests: 9}, "nothing gave way"},
		"the generator broke":   {breakpoint, k6.Summary{Requests: 9, Dropped: 60, Crossed: []string{"dropped_iterations: count<50"}}, "before the platform"},
		"all is well":           {steady, k6.Summary{Requests: 9}, ""},
		"it broke, as it ought": {breakpoint, k6.Summary{Requests: 9, Dropped: 60, Crossed: []string{"http_req_failed: rate<0.05"}}, ""},
	} {
		problems := load.Judge(c.scenario, c.client)
		if c.problem == "" {
			require.Empty(t, problems, name)
			continue
		}
		require.Len(t, problems, 1, name)
		require.Contains(t, problems[0], c.problem, name)
	}
}

// TestScenarios: each has its script, there is no other, all arrive in the open model, and none hides what was dropped.
func TestScenarios(t *testing.T) {
	scripts, err := filepath.Glob("../../../loadtest/scenarios/*.js")
	require.NoError(t, err)
	require.Len(t, scripts, len(load.Scenarios))
	for _, path := range scripts {
		name := strings.TrimSuffix(filepath.Base(path), ".js")
		_, ok := load.Find(name)
		require.True(t, ok, name)
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, closed := range []string{"constant-vus", "ramping-vus", "shared-iterations", "vus:"} {
			require.NotContains(t, string(raw), closed, name)
		}
		require.True(t, strings.Contains(string(raw), "good(") || strings.Contains(string(raw), "dropped_iterations"), name)
	}
}

// TestHonestLoadRaisesNothing: one alert is a problem, and so is a sentinel that has seen nothing.
func TestHonestLoadRaisesNothing(t *testing.T) {
	require.Empty(t, load.Alerts{Events: 9000}.Judge())
	require.Len(t, load.Alerts{}.Judge(), 1)
	require.Equal(t, []string{"honest load raised flood, 2 times"}, load.Alerts{Events: 9000, Raised: 2, Rules: map[string]int{"flood": 2}}.Judge())
}
