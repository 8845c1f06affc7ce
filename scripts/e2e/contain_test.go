package e2e_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestContain: attacks that stand for the runbooks are found, answered without a person or with one who approves at once, and refused for
// it; and where nothing is done, it is said why. Afterwards everything is undone.
func TestContain(t *testing.T) {
	t.Parallel()
	l := up(t)
	got := l.run(t, "attack", "run", "--detect", "--respond", "auto", "--json", "edge.jwt.key-confusion", "edge.waf.injection",
		"edge.scope.admin-routes", "mesh.lateral.notification-payments", "mesh.lateral.payments-modelstore", "app.txn-token.external-credential", "edge.dpop.replay")
	require.Zero(t, got.code, got.stdout+got.stderr)
	type times struct {
		N   int     `json:"n"`
		P95 float64 `json:"p95_ms"`
	}
	var report struct {
		Attacks []struct {
			ID    string
			Alert struct {
				Detect   *float64 `json:"detect_ms"`
				Contain  *float64 `json:"contain_ms"`
				Response struct{ Runbook, Action, By, None string }
			}
		}
		Detected struct {
			Detect, Contain times
			NoResponse      int `json:"no_response"`
		}
	}
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &report))
	did := map[string]string{}
	for _, a := range report.Attacks {
		require.NotNil(t, a.Alert.Detect, a.ID)
		if a.Alert.Contain == nil {
			require.NotEmpty(t, a.Alert.Response.None, a.ID)
			continue
		}
		require.Greater(t, *a.Alert.Contain, *a.Alert.Detect, "%s: nothing is done before it is found", a.ID)
		require.Contains(t, []string{"auto", "attack"}, a.Alert.Response.By, a.ID)
		did[a.ID] = a.Alert.Response.Action
		t.Logf("%s: found after %.0f ms, %s: refused after %.0f ms", a.ID, *a.Alert.Detect, a.Alert.Response.Action, *a.Alert.Contain)
	}
	for id, action := range map[string]string{"edge.jwt.key-confusion": "block-address", "edge.waf.injection": "block-address",
		"edge.scope.admin-routes": "revoke-principal", "mesh.lateral.notification-payments": "isolate-service", "mesh.lateral.payments-modelstore": "isolate-service"} {
		require.Equal(t, action, did[id], id)
	}
	require.Positive(t, report.Detected.NoResponse)
	// Both targets, 1 s and 2 s, are measured and printed: how long it takes is the machine's doing, too.
	t.Logf("found after %.0f ms and refused after %.0f ms, p95", report.Detected.Detect.P95, report.Detected.Contain.P95)

	for _, r := range l.responses(t) { // what doesn't last needs no undoing
		require.NotEqual(t, "proposed", r.State, "%s of %s", r.Action, r.Target)
		require.False(t, r.State == "done" && r.Action != "revoke-leases" && r.Action != "rotate-key", "%s of %s is still in force", r.Action, r.Target)
	}
	honest := l.load(t, 5)
	honest.more(t, 10)
	honest.finish(t)
	require.Equal(t, 2, l.run(t, "attack", "run", "--respond", "auto", "edge.scope.admin-routes").code, "without --detect there is nothing to answer")
	require.Equal(t, 2, l.run(t, "attack", "run", "--detect", "--respond", "maybe", "edge.scope.admin-routes").code)
}
