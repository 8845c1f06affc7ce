package detection

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"redoubt.example/services/platform/alert"
	"redoubt.example/services/platform/event"
)

// Watch is an Engine that says what it finds as sentinel's alerts. Like the engine it is for one goroutine, but for Stats.
type Watch struct {
	engine *Engine
	stats  atomic.Pointer[Stats]
}

// NewWatch returns a watch by an engine, which is its own from now on.
func NewWatch(e *Engine) *Watch {
	w := &Watch{engine: e}
	w.stats.Store(&Stats{})
	return w
}

// Observe is Engine.Observe.
func (w *Watch) Observe(ctx context.Context, e *event.Event) []alert.Alert {
	return reports(w.engine.Observe(ctx, e))
}

// Advance is Engine.Advance.
func (w *Watch) Advance(now time.Time) []alert.Alert {
	all := reports(w.engine.Advance(now))
	s := w.engine.Stats()
	w.stats.Store(&s)
	return all
}

// Stats are the engine's as of the last Advance.
func (w *Watch) Stats() Stats { return *w.stats.Load() }

func reports(found []Alert) (all []alert.Alert) {
	for _, a := range found {
		all = append(all, a.Report())
	}
	return all
}

// Report is the alert as the operator gets it, without its number.
func (a Alert) Report() alert.Alert {
	r := alert.Alert{Rule: a.Rule.Folder, Title: a.Rule.Title, Level: a.Rule.Level, First: a.First, Time: a.Time, Count: max(a.Count, 1), Subject: a.subject(), Reason: a.reason()}
	for _, tag := range a.Rule.Tags {
		if id, ok := strings.CutPrefix(tag, "threat."); ok {
			r.Threats = append(r.Threats, strings.ToUpper(id))
		}
		if id, ok := strings.CutPrefix(tag, "attack."); ok {
			r.Techniques = append(r.Techniques, strings.ToUpper(id))
		}
	}
	return r
}

// subject is whom the alert is about. What a correlation isn't grouped by differs from event to event: of the last one's,
// a response would meet somebody by chance.
func (a Alert) subject() alert.Subject {
	s := alert.Subject{Reporter: a.Event.Reporter(), Control: a.Event.Text(event.RuleID), RequestID: a.Event.Text("http.request.id")}
	value := a.Event.Text
	if grouped := a.grouped(); a.Rule.combine != nil {
		value = func(field string) string { return grouped[field] }
	}
	s.Caller, s.Claimed = value(event.Caller), value(event.Claimed)
	s.Address = value("client.ip")
	s.Principal, s.Token, s.APIKey = value("user.hash"), value("redoubt.token.hash"), value("redoubt.api_key")
	return s
}

// grouped are the values that a correlation is grouped by, by the fields of the events.
func (a Alert) grouped() map[string]string {
	values := map[string]string{}
	if a.Rule.combine == nil {
		return values
	}
	for _, fields := range a.Rule.combine.fields {
		for i, field := range fields {
			if i < len(a.Group) {
				values[field] = a.Group[i]
			}
		}
	}
	return values
}

// reason is one sentence.
func (a Alert) reason() string {
	title := strings.TrimSuffix(a.Rule.Title, ".")
	if a.Rule.combine == nil {
		if why := a.Event.Text(event.Reason); why != "" {
			return fmt.Sprintf("%s: %s says, %s", title, a.Event.Reporter(), why)
		}
		return fmt.Sprintf("%s: %s reports %s", title, a.Event.Reporter(), a.Event.Text(event.Action))
	}
	who := slices.Clone(a.Group)
	for i, name := range a.Rule.combine.groupBy {
		who[i] = name + " " + who[i]
	}
	text := fmt.Sprintf("%s: %d within %v", title, a.Count, a.Rule.combine.span)
	if len(who) > 0 {
		text += ", " + strings.Join(who, ", ")
	}
	return text
}
