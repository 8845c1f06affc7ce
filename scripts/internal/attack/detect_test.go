package attack_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/loadtest/attacks"
	"redoubt.example/scripts/internal/attack"
	"redoubt.example/services/platform/alert"
	"redoubt.example/threatmodel"
)

// TestDetection: only an alert of a rule that the attack belongs to, about what happened since and about this attacker, is its own.
func TestDetection(t *testing.T) {
	rules := []threatmodel.Detection{
		{Name: "own", Threats: []string{"T-900"}, Timespan: time.Minute, Samples: []threatmodel.Sample{{Provider: "mesh.x edge.a.*"}}},
		{Name: "tied", Threats: []string{"T-001"}},
		{Name: "another", Threats: []string{"T-002"}, Samples: []threatmodel.Sample{{Provider: "edge.b"}}},
	}
	began := time.Now().Add(-time.Second).Truncate(time.Millisecond)
	event := began.Add(100 * time.Millisecond)
	raised := func(rule string, at time.Time, s alert.Subject) alert.Alert {
		return alert.Alert{Seq: 1, Rule: rule, Time: at, Raised: at.Add(250 * time.Millisecond), Subject: s}
	}
	outside := attacks.Attack{ID: "edge.a.one", Threat: "T-001", Vantage: attacks.Outside}
	inside := attacks.Attack{ID: "mesh.x", Threat: "T-003", Vantage: "service:notification"}
	for name, c := range map[string]struct {
		attack  attacks.Attack
		broke   bool
		alerts  []alert.Alert
		rule    string
		ms      float64
		already bool
		unseen  bool
	}{
		"nothing was raised":     {attack: outside},
		"another threat's rule":  {attack: outside, alerts: []alert.Alert{raised("another", event, alert.Subject{})}},
		"a rule that is none":    {attack: outside, alerts: []alert.Alert{raised("magic", event, alert.Subject{})}},
		"before it began":        {attack: outside, alerts: []alert.Alert{raised("tied", began.Add(-time.Second), alert.Subject{})}},
		"long before it began":   {attack: outside, alerts: []alert.Alert{raised("own", began.Add(-2*time.Minute), alert.Subject{})}},
		"from another address":   {attack: outside, alerts: []alert.Alert{raised("own", event, alert.Subject{Address: "127.0.0.1"})}},
		"by another service":     {attack: inside, alerts: []alert.Alert{raised("own", event, alert.Subject{Caller: "payments"})}},
		"too late":               {attack: outside, alerts: []alert.Alert{raised("own", event.Add(10*time.Second), alert.Subject{})}},
		"the script broke":       {attack: outside, broke: true, alerts: []alert.Alert{raised("own", event, alert.Subject{})}},
		"the kernel's refusal":   {attack: attacks.Attack{ID: "edge.a.k", Threat: "T-001", Evidence: attacks.EvidenceKernel}, unseen: true},
		"recorded of it":         {attack: outside, alerts: []alert.Alert{raised("own", event, alert.Subject{Address: "127.66.0.1"})}, rule: "own", ms: 250},
		"tied to its threat":     {attack: outside, alerts: []alert.Alert{raised("tied", event, alert.Subject{})}, rule: "tied", ms: 250},
		"by the service itself":  {attack: inside, alerts: []alert.Alert{raised("own", event, alert.Subject{Caller: "notification"})}, rule: "own", ms: 250},
		"silent since just then": {attack: outside, alerts: []alert.Alert{raised("own", began.Add(-time.Second), alert.Subject{})}, rule: "own", already: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // those without an alert wait for it
			d := &attack.Detector{Rules: rules, Alerts: func(ctx context.Context, q alert.Query) ([]alert.Alert, error) {
				if q.After == 0 && len(c.alerts) > 0 {
					return c.alerts, nil
				}
				select {
				case <-time.After(q.Wait):
				case <-ctx.Done():
				}
				return nil, ctx.Err()
			}}
			o := attack.Attempt{Outcome: "refused", BeganMS: began.UnixMilli(), EndedMS: began.Add(time.Second).UnixMilli(), Peers: []string{"127.66.0.1:99"}}
			if c.broke {
				o.BeganMS = 0
			}
			got, err := d.Find(t.Context(), c.attack, o, event)
			require.NoError(t, err)
			require.Equal(t, c.rule, got.Rule)
			require.Equal(t, c.already, got.Already)
			require.Equal(t, c.unseen, got.Unseen)
			require.Equal(t, c.rule == "", got.Reason != "")
			require.Nil(t, got.ContainMS)
			if c.ms == 0 {
				require.Nil(t, got.DetectMS)
				return
			}
			require.InDelta(t, c.ms, *got.DetectMS, 0.001)
		})
	}
}

// TestDetected: an attack without its alert is seen as such, one that nobody can see isn't counted, and one whose rule was silent has
// no time.
func TestDetected(t *testing.T) {
	ms := func(v float64) *float64 { return &v }
	of := func(threat string, a attack.Alert) attack.Result {
		return attack.Result{ID: "x", Threat: threat, Alert: &a}
	}
	results := []attack.Result{
		of("T-002", attack.Alert{Rule: "r", DetectMS: ms(300), ContainMS: ms(900)}),
		of("T-001", attack.Alert{Rule: "r", DetectMS: ms(100)}),
		of("T-001", attack.Alert{Rule: "r", Already: true}),
		of("T-001", attack.Alert{Unseen: true, Reason: "no event"}),
	}
	d := attack.SumUp(results)
	require.Equal(t, []int{3, 3, 1}, []int{d.Found, d.Of, d.Already})
	require.True(t, attack.Report{Detected: d}.Seen())
	require.Equal(t, attack.Times{N: 2, Median: 100, P95: 300, Worst: 300}, d.Detect)
	require.Equal(t, attack.Times{N: 1, Median: 900, P95: 900, Worst: 900}, d.Contain)
	require.Equal(t, "T-001", d.Threats[0].Threat)
	require.Equal(t, []int{2, 2}, []int{d.Threats[0].Attacks, d.Threats[0].Found})
	require.Len(t, d.Unseen, 1)

	d = attack.SumUp([]attack.Result{
		of("T-001", attack.Alert{Rule: "r", DetectMS: ms(1), ContainMS: ms(2), Response: &attack.Answer{By: "auto"}}),
		of("T-001", attack.Alert{Rule: "r", DetectMS: ms(1), ContainMS: ms(3), Response: &attack.Answer{By: "attack"}}),
		of("T-001", attack.Alert{Rule: "r", DetectMS: ms(1), Response: &attack.Answer{None: "a person asks"}}),
		of("T-001", attack.Alert{Rule: "r", DetectMS: ms(1), Response: &attack.Answer{Missed: true}}),
	})
	require.Equal(t, []int{2, 1, 1, 1}, []int{d.Contain.N, d.Approved, d.Unanswered, d.Missed})
	require.False(t, attack.Report{Detected: d}.Contained(), "somebody went on")

	d = attack.SumUp(append(results, of("T-003", attack.Alert{Reason: "no alert"})))
	require.Equal(t, []int{3, 4}, []int{d.Found, d.Of})
	require.False(t, attack.Report{Detected: d}.Seen())
}
