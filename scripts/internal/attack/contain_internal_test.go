package attack

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/respond"
	"redoubt.example/services/platform/alert"
	"redoubt.example/threatmodel"
)

// TestWhatCameOfAResponse: the refusal that was first counts; a response that has to refuse somebody and didn't is missed; and where
// nothing refuses anybody, it is said why.
func TestWhatCameOfAResponse(t *testing.T) {
	first := time.Now()
	at := func(ms int) time.Time { return first.Add(time.Duration(ms) * time.Millisecond) }
	entry := func(state, reason string) respond.Entry {
		return respond.Entry{Response: alert.Response{State: state, Reason: reason, By: "auto", Time: at(400)}}
	}
	block, leases := respond.Action{Kind: "block-address", Target: "127.66.0.1"}, respond.Action{Kind: "revoke-leases", Target: "payments"}
	book := threatmodel.Runbook{ID: "b", Trigger: threatmodel.Trigger{Rules: []string{"r"}}, Steps: []threatmodel.Step{{Action: "block-address", Target: "address"}}}
	for name, c := range map[string]struct {
		chases  []*chase
		subject alert.Subject
		rule    string
		contain float64
		done    bool
		none    string
		missed  bool
	}{
		"refused":        {chases: []*chase{{action: block, entry: entry(respond.Done, ""), refused: at(500)}}, contain: 500, done: true},
		"the first":      {chases: []*chase{{action: block, entry: entry(respond.Done, ""), refused: at(900)}, {action: block, entry: entry(respond.Done, ""), refused: at(700)}}, contain: 700, done: true},
		"one of two":     {chases: []*chase{{action: leases, entry: entry(respond.Done, "")}, {action: block, entry: entry(respond.Done, ""), refused: at(700)}}, contain: 700, done: true},
		"missed":         {chases: []*chase{{action: block, entry: entry(respond.Done, "")}}, done: true, missed: true},
		"missed, of two": {chases: []*chase{{action: leases, entry: entry(respond.Done, "")}, {action: block, entry: entry(respond.Done, "")}}, done: true, missed: true},
		"a guard":        {chases: []*chase{{action: block, entry: entry(respond.Refused, "2 of 3 events that it takes")}}, none: "refused: 2 of 3 events that it takes"},
		"in vain":        {chases: []*chase{{action: leases, entry: entry(respond.Done, "")}}, done: true, none: "it ends copies of the service's logins; the service itself gets new ones"},
		"not in time":    {chases: []*chase{{action: block}}, none: "nothing was done in time"},
		"unanswered":     {rule: "u", none: "nobody is known by it"},
		"no runbook":     {rule: "n", none: "no runbook answers the rule"},
		"unproved":       {rule: "r", none: "the alert has no proved address"},
		"not done":       {rule: "r", subject: alert.Subject{Address: "127.66.0.1"}, none: "nothing was done in time"},
	} {
		t.Run(name, func(t *testing.T) {
			d := &Detector{Rules: []threatmodel.Detection{{Name: "r"}, {Name: "u"}, {Name: "n"}},
				Playbook: threatmodel.Playbook{Runbooks: []threatmodel.Runbook{book}, Unanswered: map[string]string{"u": "nobody is known by it"}}}
			u := &pursuit{p: &player{lab: &Lab{Detector: d}}, chases: c.chases}
			answer, contain := u.came(&Alert{Rule: c.rule, first: first, raised: alert.Alert{Subject: c.subject}})
			require.Equal(t, c.none, answer.None)
			require.Equal(t, c.missed, answer.Missed)
			require.Equal(t, c.done, answer.DoneMS != nil)
			if c.contain == 0 {
				require.Nil(t, contain)
				return
			}
			require.InDelta(t, c.contain, *contain, 0.01)
		})
	}
}

// TestAttackersGoOnWithWhatTheyWereGiven, and with nothing of the attack before.
func TestAttackersGoOnWithWhatTheyWereGiven(t *testing.T) {
	var h held
	h.take(map[string]any{"tokens": map[string]string{"alice": "a"}, "narrow": map[string]string{"alice": "n"}, "stolen": map[string]any{"access_token": "s", "of": "alice"}})
	require.ElementsMatch(t, []string{"a", "n", "s"}, h.all())
	h.take(map[string]any{"leaf": map[string]any{"service": "payments", "cert": "none", "key": "none"}})
	require.Empty(t, h.all())
	_, ok := h.leaf("payments")
	require.False(t, ok)
}
