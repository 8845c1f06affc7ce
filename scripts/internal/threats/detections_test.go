package threats_test

import (
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/loadtest/attacks"
	"redoubt.example/threatmodel"
)

// TestDetectionsAreRecordedOfAttacks: the events that a rule is tested with come from attacks that there are, or from a verb, and one
// of these attacks tests a threat that the rule is tied to.
func TestDetectionsAreRecordedOfAttacks(t *testing.T) {
	m := load(t)
	all, err := threatmodel.Detections(m.Threats)
	require.NoError(t, err)
	for _, d := range all {
		for _, s := range d.Samples {
			if strings.HasPrefix(s.Provider, "lab ") {
				continue
			}
			tied := false
			for pattern := range strings.FieldsSeq(s.Provider) {
				found := false
				for _, a := range m.Attacks {
					if ok, err := path.Match(pattern, a.ID); err == nil && ok {
						found, tied = true, tied || slices.Contains(d.Threats, a.Threat)
					}
				}
				require.True(t, found, "%s: no attack is called %s", d.Name, pattern)
			}
			require.True(t, tied, "%s: none of %s tests any of its threats %s", d.Name, s.Provider, d.Threats)
		}
	}
}

// TestAttacksThatAreOnlyFound: what nothing stops names the rule that finds it, which is recorded of it.
func TestAttacksThatAreOnlyFound(t *testing.T) {
	m := load(t)
	all, err := threatmodel.Detections(m.Threats)
	require.NoError(t, err)
	for _, a := range m.Attacks {
		if a.Evidence != attacks.EvidenceAlert {
			continue
		}
		i := slices.IndexFunc(all, func(d threatmodel.Detection) bool { return d.Name == a.Raises })
		require.GreaterOrEqual(t, i, 0, "%s: there is no rule %s", a.ID, a.Raises)
		require.True(t, all[i].RecordedOf(a.ID), "%s isn't recorded of %s", a.Raises, a.ID)
		require.Contains(t, all[i].Threats, a.Threat, a.ID)
	}
}
