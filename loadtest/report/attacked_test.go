package report_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/loadtest/report"
)

// Attacks of another run count, and it is said whose they are.
func TestTakeAttacks(t *testing.T) {
	from := example(t)
	from.Method.Notes = []string{"layered: nothing can be said of app.webhook.forged", "a disk's pauses"}
	r := example(t)
	r.Method.Notes = nil
	for i := range r.Profiles {
		p := &r.Profiles[i]
		p.Blocked, p.Attacks, p.Skipped, p.Reach = 0, 0, 0, nil
	}
	r.Profiles = append(r.Profiles, report.Profile{Name: "of this run alone"})
	r.TakeAttacks(from)
	for i, p := range from.Profiles {
		require.Equal(t, []any{p.Blocked, p.Attacks, p.Skipped, p.Reach}, []any{r.Profiles[i].Blocked, r.Profiles[i].Attacks, r.Profiles[i].Skipped, r.Profiles[i].Reach}, p.Name)
	}
	require.Zero(t, r.Profiles[len(r.Profiles)-1].Attacks)
	require.Equal(t, []string{"attacks are of the run of 20 November 2026, 08:30 UTC, revision cd2406c", "layered: nothing can be said of app.webhook.forged"}, r.Method.Notes)
}
