package threats_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/loadtest/attacks"
	"redoubt.example/services/platform/controls"
	"redoubt.example/threatmodel"
)

// TestInterviewsAreAboutWhatThereIs: each variant's attacks exist and test one of its threats, and the trace names controls that exist.
func TestInterviewsAreAboutWhatThereIs(t *testing.T) {
	m := load(t)
	all, err := threatmodel.Interviews()
	require.NoError(t, err)
	for _, level := range threatmodel.ExerciseLevels {
		for seed := range uint64(40) {
			i, err := threatmodel.ChooseInterview(all, level, "", seed)
			require.NoError(t, err)
			for _, id := range i.Attacks {
				at := slices.IndexFunc(m.Attacks, func(a attacks.Attack) bool { return a.ID == id })
				require.GreaterOrEqual(t, at, 0, "%s: there is no attack %s", i.ID, id)
				require.Contains(t, i.Threats, m.Attacks[at].Threat, "%s: %s tests none of its threats", i.ID, id)
			}
			for _, s := range i.Trace {
				_, ok := controls.Lookup(s.Control)
				require.True(t, ok, "%s: there is no control %s", i.ID, s.Control)
			}
		}
	}
}
