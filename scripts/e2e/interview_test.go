package e2e_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestInterview: an incident happens on a lab that is up, the candidate's verbs and what the lab recorded come into the report, and nothing
// that attacks is left afterwards. Neither what the candidate is told nor the report has the rubric.
func TestInterview(t *testing.T) {
	t.Parallel()
	l := up(t)
	require.Equal(t, 2, l.run(t, "interview", "start", "--level", "wizard").code)
	require.Equal(t, 2, l.run(t, "interview", "end").code, "none is under way")

	var told map[string]any
	l.json(t, &told, "interview", "start", "--level", "staff", "--kind", "incident", "--minutes", "30", "--seed", "7")
	require.NotEmpty(t, told["told"])
	for _, answer := range []string{"rubric", "trace", "threats", "attacks", "title"} {
		require.NotContains(t, told, answer)
	}
	require.Equal(t, 2, l.run(t, "interview", "start", "--level", "staff").code, "one at a time")
	require.Zero(t, l.run(t, "alerts").code)

	var again map[string]any
	l.json(t, &again, "interview", "status")
	require.Equal(t, told["told"], again["told"])
	require.Positive(t, again["left_seconds"])

	var report struct {
		Timeline    []struct{ Kind, Text string }
		Alerts      map[string]int
		OverSeconds float64 `json:"over_seconds"`
		SheetOpened bool    `json:"sheet_opened"`
	}
	l.json(t, &report, "interview", "end")
	require.NotEmpty(t, report.Alerts, "the incident was found")
	require.Zero(t, report.OverSeconds)
	require.False(t, report.SheetOpened)
	var verbs []string
	for _, e := range report.Timeline {
		if e.Kind == "verb" {
			verbs = append(verbs, e.Text)
		}
	}
	require.Equal(t, []string{"lab alerts"}, verbs)
	require.Equal(t, 2, l.run(t, "interview", "end").code, "it has ended")
}
