package review_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/review"
	"redoubt.example/services/platform/alert"
	"redoubt.example/services/platform/event"
	"redoubt.example/threatmodel"
)

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func at(ms int) time.Time { return noon.Add(time.Duration(ms) * time.Millisecond) }

var number int

// decided is a control's decision about a caller's request.
func decided(ms int, service, caller, layer, control, outcome string) alert.Event {
	number++
	return alert.Event{ID: fmt.Sprint("e", number), Time: at(ms), Fields: map[string]any{event.Dataset: event.Decision, event.Service: service, event.Caller: caller,
		"rule.category": layer, event.RuleID: control, event.Outcome: outcome, event.Reason: "because of " + control}}
}

// story is notification's, as the threat model tells it: it reaches for payments, is refused by each layer, is isolated, and tries on.
func story() review.Incident {
	reaches := threatmodel.Threat{ID: "T-021", Title: "Notification reaches for payments", Scenario: "It asks.", Residual: "Inbox.",
		Controls: map[string][]string{"mesh": {"mesh.intention"}, "app": {"app.txn-token", "app.policy"}}}
	raised := alert.Alert{Seq: 7, ID: "a7", Rule: "notification_reaches_payments", Reason: "it reached | for [payments]", Count: 1, Raised: at(600),
		Subject: alert.Subject{Reporter: "payments", Caller: "notification"}}
	return review.Incident{
		Incident: alert.Incident{ID: "INC-7", Title: "Notification reaches for payments", Level: "high", State: "contained", Opened: at(0), Updated: at(1200),
			Subject: raised.Subject, Threats: []string{"T-021"}, Alerts: []alert.Alert{raised},
			Responses: []alert.Response{{ID: "r1", Alert: "a7", Runbook: "isolate", Action: "isolate-service", Target: "notification", State: "done", By: "auto", Time: at(900)}}},
		Events: []alert.Event{
			decided(0, "payments", "notification", "mesh", "mesh.intention", "failure"),
			decided(5, "payments", "gateway", "app", "app.policy.owner", "failure"), // somebody else's
			decided(10, "payments", "notification", "app", "app.policy", "failure"),
			decided(15, "payments", "notification", "mesh", "mesh.intention", "failure"),
			decided(20, "gateway", "notification", "app", "app.policy", "success"),
			decided(1000, "gateway", "notification", "mesh", "mesh.intention", "failure"),
		},
		Threats: []threatmodel.Threat{reaches}, Proof: map[string][]string{"T-021": {"mesh.intention.real-transaction"}}, Now: at(60_000),
	}
}

func TestTimes(t *testing.T) {
	require.Equal(t, review.Times{Detected: 600 * time.Millisecond, Contained: 900 * time.Millisecond, Refused: time.Second}, story().Times())
	untouched := story()
	untouched.Responses = nil
	require.Equal(t, review.Times{Detected: 600 * time.Millisecond}, untouched.Times())
	rotated := story()
	rotated.Responses[0].Action = "rotate-key"
	require.Zero(t, rotated.Times().Contained, "that keeps nobody out")
	quiet := story()
	quiet.Events = quiet.Events[:5]
	require.Zero(t, quiet.Times().Refused)
}

func TestRefusals(t *testing.T) {
	all := story().Refusals()
	require.Len(t, all, 2, "by each layer, and nobody else's")
	require.Equal(t, review.Refusal{Layer: "mesh", Control: "mesh.intention", Reporters: []string{"payments", "gateway"}, Count: 3, First: at(0), Reason: "because of mesh.intention"}, all[0])
	require.Equal(t, "app.policy", all[1].Control)
}

func TestQuestions(t *testing.T) {
	for want, change := range map[string]func(i *review.Incident){
		"": func(*review.Incident) {},
		"app (`app.txn-token`, `app.policy`) left no record": func(i *review.Incident) { i.Events = append(i.Events[:2:2], i.Events[3:]...) },
		"none of its controls left a record":                 func(i *review.Incident) { i.Events = nil },
		"tested by no attack":                                func(i *review.Incident) { i.Proof = nil },
		"names a threat":                                     func(i *review.Incident) { i.Threats = nil },
		"`app.webhook.ssrf` refused": func(i *review.Incident) {
			i.Events = append(i.Events, decided(30, "notification", "notification", "app", "app.webhook.ssrf", "failure"))
		},
		"Nothing was done about it":      func(i *review.Incident) { i.Responses = nil },
		"kept nobody out":                func(i *review.Incident) { i.Responses[0].Action = "rotate-key" },
		"after it was contained":         func(i *review.Incident) { i.Events = i.Events[:5] },
		"was failed (no rights): is its": func(i *review.Incident) { i.Responses[0].State, i.Responses[0].Reason = "failed", "no rights" },
	} {
		i := story()
		change(&i)
		questions := strings.Join(i.Questions(), "\n")
		if want == "" {
			require.Empty(t, questions, "everything is answered")
			continue
		}
		require.Contains(t, questions, want)
	}
}

func TestMarkdown(t *testing.T) {
	var out strings.Builder
	require.NoError(t, story().Markdown(&out))
	for _, want := range []string{
		"# INC-7: Notification reaches for payments", "| about | service notification, by its certificate |", "| detected | 600ms after the first event |",
		"| contained | 900ms after the first event |", "| first refused after that | 1s after the first event |",
		`**alert** notification_reaches_payments: it reached \| for \[payments]`, "**done** isolate-service notification",
		"| mesh | `mesh.intention` | payments, gateway | 3 | 0s | because of mesh.intention |", "tested by `mesh.intention.real-transaction`", "None follow from the records.",
	} {
		require.Contains(t, out.String(), want)
	}
	require.NotContains(t, out.String(), "app.policy.owner", "what concerns others isn't in it")
	lines := strings.Split(out.String(), "\n")
	var order []string
	for _, l := range lines {
		if strings.HasPrefix(l, "| 12:00:0") {
			order = append(order, strings.Fields(l)[1])
		}
	}
	require.Len(t, order, 7)
	require.IsIncreasing(t, order)

	many := story()
	for n := range 500 {
		many.Events = append(many.Events, decided(2000+n, "payments", "notification", "app", "app.policy", "failure"))
	}
	out.Reset()
	require.NoError(t, many.Markdown(&out))
	require.Contains(t, out.String(), "305 more events are left out.")
}
