package threats_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/threatmodel"
)

// TestThreatsAreAnswered: what raises an alert about a threat is answered by a runbook, or there is a reason why it isn't; and whoever's
// word is enough for a runbook is a service.
func TestThreatsAreAnswered(t *testing.T) {
	m := load(t)
	detections, err := threatmodel.Detections(m.Threats)
	require.NoError(t, err)
	playbook, err := threatmodel.Runbooks(detections)
	require.NoError(t, err)
	require.Empty(t, playbook.Gaps(detections), "no runbook answers these rules, and runbooks/unanswered.yaml doesn't say why")
	for _, r := range playbook.Runbooks {
		for _, name := range r.Guard.Accusers {
			require.NotNil(t, m.Topology.Services[name], "%s: %s accuses, and is no service", r.ID, name)
		}
	}
}
