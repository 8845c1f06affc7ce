// Package review writes what is to be learned from an incident: what happened, in order and with the evidence; what stopped it
// where; what was done, how fast; and what the threat model doesn't answer yet. All of it is derived from what was recorded.
package review

import (
	"slices"
	"time"

	"redoubt.example/services/platform/alert"
	"redoubt.example/services/platform/event"
	"redoubt.example/threatmodel"
)

// Incident is one with what is known of it beside sentinel's alerts.
type Incident struct {
	alert.Incident
	Events  []alert.Event        // of its time, oldest first
	Threats []threatmodel.Threat // those that its alerts name
	Proof   map[string][]string  // by threat: the attacks of the suite that test it
	Now     time.Time
}

// containing are the actions that keep somebody out; the others rotate, or throttle.
var containing = []string{"isolate-service", "revoke-token", "revoke-principal", "revoke-api-key", "revoke-lease", "block-address"}

// Times are how fast it went, each from the first event that the incident is about; zero: it didn't happen.
type Times struct {
	Detected  time.Duration // until the first alert was raised
	Contained time.Duration // until something was done that keeps whom it is about out
	Refused   time.Duration // until the first refusal after that
}

// Times derives them from the records' own times.
func (i Incident) Times() (t Times) {
	if len(i.Alerts) > 0 {
		t.Detected = i.Alerts[0].Raised.Sub(i.Opened)
	}
	var done time.Time
	for _, r := range i.Responses {
		if r.State == "done" && slices.Contains(containing, r.Action) {
			done = r.Time
			t.Contained = r.Time.Sub(i.Opened)
			break
		}
	}
	for _, e := range i.Events {
		if !done.IsZero() && e.Time.After(done) && refused(e) && i.concerns(e) {
			t.Refused = e.Time.Sub(i.Opened)
			break
		}
	}
	return t
}

// refused tells whether an event is a control's refusal.
func refused(e alert.Event) bool {
	return field(e, event.Dataset) == event.Decision && field(e, event.Outcome) == "failure" || field(e, event.Type) == "denied"
}

// concerns tells whether an event is about whom the incident is about: by who did it, or by a request of its alerts.
func (i Incident) concerns(e alert.Event) bool {
	for _, a := range i.Alerts {
		s := a.Subject
		for _, pair := range [][2]string{{s.Caller, field(e, event.Caller)}, {s.Claimed, field(e, event.Claimed)}, {s.Principal, field(e, event.User)},
			{s.Token, field(e, event.Token)}, {s.APIKey, field(e, event.APIKey)}, {s.Address, field(e, "client.ip")}, {s.RequestID, field(e, "http.request.id")}} {
			if pair[0] != "" && pair[0] == pair[1] {
				return true
			}
		}
	}
	return false
}

// Refusal is a control that refused something of the incident's, how often, and when first.
type Refusal struct {
	Layer, Control string
	Reporters      []string
	Count          int
	First          time.Time
	Reason         string // of the first
}

// Refusals are in the order in which the controls acted first.
func (i Incident) Refusals() (all []Refusal) {
	for _, e := range i.Events {
		control := field(e, event.RuleID)
		if control == "" || !refused(e) || !i.concerns(e) {
			continue
		}
		at := slices.IndexFunc(all, func(r Refusal) bool { return r.Control == control })
		if at < 0 {
			all = append(all, Refusal{Layer: field(e, "rule.category"), Control: control, First: e.Time, Reason: field(e, event.Reason)})
			at = len(all) - 1
		}
		r := &all[at]
		r.Count++
		if by := field(e, event.Service); !slices.Contains(r.Reporters, by) {
			r.Reporters = append(r.Reporters, by)
		}
	}
	return all
}

func field(e alert.Event, name string) string {
	switch v := e.Fields[name].(type) {
	case string:
		return v
	case []any: // fields that are lists have one value
		if len(v) == 1 {
			s, _ := v[0].(string)
			return s
		}
	}
	return ""
}
