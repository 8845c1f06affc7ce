package detection_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/sentinel/internal/detection"
)

// TestRefused: what would be evaluated otherwise than it reads, or never be true, is no rule. Each is the rule three with one change.
func TestRefused(t *testing.T) {
	_, err := detection.Parse([]byte(three))
	require.NoError(t, err)
	for _, c := range []struct{ from, to, why string }{
		{"selection: {event.action: a}", "selection: {event.actoin: a}", "no event has the field"},
		{"selection: {event.action: a}", "selection: {event.action: a*}", "wildcards"},
		{"selection: {event.action: a}", `selection: {event.action|re: "("}`, "missing closing"},
		{"selection: {event.action: a}", "selection: {source.ip|cidr: 10.0.0.0}", "no '/'"},
		{"selection: {event.action: a}", "selection: {source.port|gt: many}", "invalid syntax"},
		{"selection: {event.action: a}", "selection: {event.action|gt: 5}", "no number"},
		{"selection: {event.action: a}", "selection: {event.action|contains: il}", "field is missing"},
		{"selection: {event.action: a}", `selection: {event.action|re: ".*"}`, "field is missing"},
		{"selection: {event.action: a}", "selection: {event.action|startswith: <}", "field is missing"},
		{"selection: {event.action: a}", "selection: {event.action|exists: true}", "unknown modifier"},
		{"selection: {event.action: a}", "selection: {event.action: null}", "a value is a text"},
		{"selection: {event.action: a}", `selection: {event.action: ""}`, "an empty value"},
		{"selection: {event.action: a}", `selection: {event.action: "%admins%"}`, "placeholders"},
		{"selection: {event.action: a}", "selection: {}", "matches everything"},
		{"selection: {event.action: a}", "selection: [word]", "keywords"},
		{"selection: {event.action: a}", "selection: {event.action: a}\n  filter: {event.action: b}", "doesn't use"},
		{"condition: selection", "condition: selection and not filter", "isn't there"},
		{"condition: selection", "condition: selection | count() > 5", "obsolete"},
		{"condition: selection", "condition: [selection, selection]", "one condition"},
		{"product: redoubt", "product: windows", "the product"},
		{"category: lifecycle", "category: process_creation", "no events have the category"},
		{"id: 00000000-0000-4000-8000-000000000001", "id: one", "no UUID"},
		{"id: 00000000-0000-4000-8000-000000000001", "id: 00000000-0000-4000-8000-000000000002", "twice"},
		{"title: Three", "titel: Three", "not found"},
		{"title: Three", "title: &x Three", "anchors"},
		{"rules: [a]", "rules: [b]", "no rule has the name"},
		{"rules: [a]", "rules: [a, a]", "twice"},
		{"rules: [a]", "rules: []", "no rule"},
		{"rules: [a]", "rules: [00000000-0000-4000-8000-000000000002]", "refers to itself"},
		{"group-by: [service.origin.name]", "group-by: [user]", "no event has the field"},
		{"group-by: [service.origin.name]", "group-by: [service.origin.name]\n  aliases: {x: {a: event.action}}", "isn't used"},
		{"group-by: [service.origin.name]", "group-by: [x]\n  aliases: {x: {b: event.action}}", "names no field of a"},
		{"timespan: 10s", "timespan: 10", "no timespan"},
		{"timespan: 10s", "timespan: 31d", "too long"},
		{"type: event_count", "type: event_sum", "no type"},
		{"type: event_count", "type: value_count", "names a field"},
		{"type: event_count", "type: temporal", "can't be told"},
		{"condition: {gte: 3}", "", "a condition is needed"},
		{"condition: {gte: 3}", "condition: {}", "true whatever"},
		{"condition: {gte: 3}", "condition: {gte: 0}", "true whatever"},
		{"condition: {gte: 3}", "condition: {lt: 1}", "without any event"},
		{"condition: {gte: 3}", "condition: {gte: 3, lte: 2}", "no count is"},
		{"condition: {gte: 3}", "condition: {gte: 100000}", "from 0 to"},
		{"condition: {gte: 3}", "condition: {gte: -1}", "from 0 to"},
		{"level: high", "level: bad", "no level"},
	} {
		changed := strings.Replace(three, c.from, c.to, 1)
		require.NotEqual(t, three, changed, c.from)
		_, err := detection.Parse([]byte(changed))
		require.ErrorContains(t, err, c.why, "%s -> %s", c.from, c.to)
	}
	for name, raw := range map[string]string{
		"nothing": "", "no document": "---", "a list": "[]", "deep": strings.Repeat("[", 50), "long": strings.Repeat("#", 100_000),
		"many": strings.Repeat("---\na: b\n", 20), "neither": "title: x\nid: 00000000-0000-4000-8000-000000000001\n",
	} {
		_, err := detection.Parse([]byte(raw))
		require.Error(t, err, name)
	}
}

// FuzzParse: rules are data. Whatever is read makes no trouble, then or with an event.
func FuzzParse(f *testing.F) {
	f.Add([]byte(three))
	f.Add([]byte(strings.ReplaceAll(three, "selection}", "1 of sel*}")))
	f.Add([]byte(strings.Replace(three, "condition: selection", "condition: not (selection or all of them)", 1)))
	f.Add([]byte(strings.Replace(three, "event_count", "temporal_ordered", 1)))
	f.Add([]byte(strings.Replace(three, "event.action: a", `event.reason|re: "^a.*b$"`, 1)))
	f.Add([]byte(strings.Replace(three, "event.action: a", "source.port|gte: 1024", 1)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		rules, err := detection.Parse(raw)
		if err != nil {
			return
		}
		e := detection.New(rules, detection.Defaults())
		for i := range 5 {
			ev := act("a", "x", float64(i))
			ev.Fields["source.port"] = 2000
			observe(e, ev)
		}
		e.Advance(noon.AddDate(1, 0, 0))
		if n := e.Stats().Failed; n > 0 {
			t.Fatalf("a rule that was taken fails for %d events:\n%s", n, raw)
		}
	})
}
