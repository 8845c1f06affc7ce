package detection_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"redoubt.example/services/platform/event"
)

// reference is the naive evaluator that the engine is held to: it has all events, each once, in the order of time, and
// looks at all of them again for each. It is written from the specification, on the rules of properties.yml alone.
type reference struct {
	events []*event.Event
	rules  []refRule
	fired  map[string]map[string]time.Time // by rule and group: the last alert
	out    []string
}

type refRule struct {
	name, kind string
	of         []string // a letter (events of that action) or another rule's name
	group      []string
	alias      map[string]string // by letter: which field is the group's
	value      string
	least      int
	most       int // 0: no upper limit
	span       time.Duration
}

// hit is something that a rule refers to: an event, or another rule's alert.
type hit struct {
	at    time.Time
	of    string
	e     *event.Event
	ended bool // an alert at the end of a window
}

func (r *reference) run() []string {
	slices.SortFunc(r.events, func(a, b *event.Event) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.ID, b.ID)) })
	var hits []hit
	for _, e := range r.events {
		hits = append(hits, hit{e.Time, e.Text(event.Action), e, false})
	}
	alerts := map[string][]hit{}
	for _, rule := range r.rules {
		own := slices.Clone(hits)
		for _, name := range rule.of {
			own = append(own, alerts[name]...)
		}
		slices.SortStableFunc(own, inOrder)
		own = slices.DeleteFunc(own, func(h hit) bool { return !slices.Contains(rule.of, h.of) })
		alerts[rule.name] = r.evaluate(rule, own)
	}
	slices.Sort(r.out)
	return r.out
}

// inOrder is that of time; of one moment, windows end first, and an alert follows the event that raised it.
func inOrder(a, b hit) int {
	if c := a.at.Compare(b.at); c != 0 || a.ended && b.ended {
		return c
	}
	switch {
	case a.ended:
		return -1
	case b.ended:
		return 1
	}
	return cmp.Compare(a.e.ID, b.e.ID)
}

func (rule refRule) groupOf(h hit) (string, bool) {
	var values []string
	for _, field := range rule.group {
		if alias := rule.alias[h.of]; alias != "" {
			field = alias
		}
		if h.e.Text(field) == "" {
			return "", false
		}
		values = append(values, h.e.Text(field))
	}
	return strings.Join(values, "|"), rule.value == "" || h.e.Text(rule.value) != ""
}

func (r *reference) evaluate(rule refRule, hits []hit) (alerts []hit) {
	groups := map[string][]hit{}
	for _, h := range hits {
		if g, ok := rule.groupOf(h); ok {
			groups[g] = append(groups[g], h)
		}
	}
	for g, own := range groups {
		if rule.most > 0 {
			alerts = append(alerts, r.closed(rule, g, own)...)
			continue
		}
		var last time.Time
		for i, h := range own {
			from := i
			for from > 0 && own[from-1].at.After(h.at.Add(-rule.span)) {
				from--
			}
			if count(rule, own[from:i+1]) >= rule.least && (last.IsZero() || h.at.Sub(last) >= rule.span) {
				last = h.at
				alerts = append(alerts, hit{h.at, rule.name, h.e, false})
				r.out = append(r.out, fmt.Sprintf("%s %s %s", rule.name, g, h.at.Format(time.RFC3339Nano)))
			}
		}
	}
	return alerts
}

// closed judges windows that begin with an event and last a timespan.
func (r *reference) closed(rule refRule, g string, own []hit) (alerts []hit) {
	for len(own) > 0 {
		end := own[0].at.Add(rule.span)
		n := slices.IndexFunc(own, func(h hit) bool { return !h.at.Before(end) })
		if n < 0 {
			n = len(own)
		}
		if c := count(rule, own[:n]); c >= rule.least && c <= rule.most {
			alerts = append(alerts, hit{end, rule.name, own[n-1].e, true})
			r.out = append(r.out, fmt.Sprintf("%s %s %s", rule.name, g, end.Format(time.RFC3339Nano)))
		}
		own = own[n:]
	}
	return alerts
}

// count is what the condition is about, in one window.
func count(rule refRule, window []hit) int {
	seen := map[string]bool{}
	switch rule.kind {
	case "event_count":
		return len(window)
	case "value_count":
		for _, h := range window {
			seen[h.e.Text(rule.value)] = true
		}
		return len(seen)
	case "temporal":
		for _, h := range window {
			seen[h.of] = true
		}
		return len(seen)
	}
	last := window[len(window)-1] // temporal_ordered: is there a chain that ends here?
	if last.of != rule.of[len(rule.of)-1] {
		return 0
	}
	step := 0
	for _, h := range window[:len(window)-1] {
		if step < len(rule.of)-1 && h.of == rule.of[step] {
			step++
		}
	}
	if step == len(rule.of)-1 {
		return len(rule.of)
	}
	return 0
}
