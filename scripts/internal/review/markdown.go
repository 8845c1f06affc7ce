package review

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"redoubt.example/services/platform/alert"
	"redoubt.example/services/platform/event"
)

// maxTimeline is how many entries the timeline has at most: of more events, the first ones.
const maxTimeline = 200

// Markdown writes the review.
func (i Incident) Markdown(w io.Writer) error {
	var out strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&out, format+"\n", args...) }
	p("# %s: %s\n", i.ID, text(i.Title))
	i.summary(p)
	i.timeline(p)
	i.refusals(p)
	i.responses(p)
	i.threats(p)
	p("\n## Questions for the threat model\n")
	questions := i.Questions()
	for _, q := range questions {
		p("- %s", q)
	}
	if len(questions) == 0 {
		p("None follow from the records.")
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func (i Incident) summary(p func(string, ...any)) {
	count := 0
	for _, a := range i.Alerts {
		count += a.Count
	}
	p("Written %s, of what was recorded. Level %s, state **%s**.\n", stamp(i.Now), i.Level, i.State)
	p("| | |\n|---|---|")
	p("| about | %s |", text(Subject(i.Subject)))
	p("| first event | %s |", stamp(i.Opened))
	p("| last heard of | %s |", stamp(i.Updated))
	p("| alerts | %d, of %d events: %s |", len(i.Alerts), count, strings.Join(i.rules(), ", "))
	t := i.Times()
	p("| detected | %s |", after(t.Detected))
	p("| contained | %s |", after(t.Contained))
	p("| first refused after that | %s |", after(t.Refused))
}

// Subject says whom an alert is about, and how sure that is.
func Subject(s alert.Subject) string {
	for _, known := range [][2]string{{"service %s, by its certificate", s.Caller}, {"user %s", s.Principal}, {"API key %s", s.APIKey}, {"address %s", s.Address},
		{"somebody who says to be %s", s.Claimed}} {
		if known[1] != "" {
			return fmt.Sprintf(known[0], known[1])
		}
	}
	return "nobody in particular; reported by " + s.Reporter
}

// entry is a line of the timeline.
type entry struct {
	at               time.Time
	by, what, record string
}

func (i Incident) timeline(p func(string, ...any)) {
	var all []entry
	for _, e := range i.Events {
		if i.concerns(e) {
			all = append(all, entry{e.Time, field(e, event.Service), happened(e), "event `" + e.ID + "`"})
		}
	}
	left := max(0, len(all)-maxTimeline)
	all = all[:len(all)-left]
	for _, a := range i.Alerts {
		all = append(all, entry{a.Raised, "sentinel", "**alert** " + a.Rule + ": " + text(a.Reason), fmt.Sprintf("alert %d", a.Seq)})
	}
	for _, r := range i.Responses {
		what := fmt.Sprintf("**%s** %s %s (runbook %s)", r.State, r.Action, text(r.Target), r.Runbook)
		if r.Reason != "" {
			what += ": " + text(r.Reason)
		}
		all = append(all, entry{r.Time, "operator: " + text(r.By), what, "response `" + text(r.ID) + "`"})
	}
	slices.SortStableFunc(all, func(a, b entry) int { return a.at.Compare(b.at) })
	p("\n## Timeline\n\n| time (UTC) | since the first | who says so | what happened | evidence |\n|---|---|---|---|---|")
	for _, e := range all {
		p("| %s | %s | %s | %s | %s |", e.at.UTC().Format("15:04:05.000"), e.at.Sub(i.Opened).Round(time.Millisecond), text(e.by), e.what, e.record)
	}
	if left > 0 {
		p("\n%d more events are left out.", left)
	}
}

// happened is an event in words.
func happened(e alert.Event) string {
	what := field(e, event.Action)
	if control := field(e, event.RuleID); control != "" {
		what = "`" + control + "`"
	}
	if who := field(e, event.Caller); who != "" {
		what = who + ": " + what
	}
	for _, name := range []string{"http.route", event.Outcome, event.Reason} {
		if value := field(e, name); value != "" {
			what += ", " + value
		}
	}
	return text(what)
}

func (i Incident) refusals(p func(string, ...any)) {
	p("\n## What was refused, and by which layer\n")
	all := i.Refusals()
	if len(all) == 0 {
		p("No control left a record of a refusal.")
		return
	}
	p("| layer | control | at | times | first | why |\n|---|---|---|---|---|---|")
	for _, r := range all {
		p("| %s | `%s` | %s | %d | %s | %s |", r.Layer, r.Control, strings.Join(r.Reporters, ", "), r.Count, r.First.Sub(i.Opened).Round(time.Millisecond), text(r.Reason))
	}
}

func (i Incident) responses(p func(string, ...any)) {
	p("\n## What was done\n")
	if len(i.Responses) == 0 {
		p("Nothing.")
		return
	}
	p("| after | action | target | state | by | until |\n|---|---|---|---|---|---|")
	for _, r := range i.Responses {
		until := "it is undone"
		if !r.Expires.IsZero() {
			until = stamp(r.Expires)
		}
		p("| %s | %s | %s | %s | %s | %s |", r.Time.Sub(i.Opened).Round(time.Millisecond), r.Action, text(r.Target), r.State, text(r.By), until)
	}
}

func (i Incident) threats(p func(string, ...any)) {
	p("\n## Threats\n")
	for _, t := range i.Threats {
		proof := "tested by no attack"
		if attacks := i.Proof[t.ID]; len(attacks) > 0 {
			proof = "tested by `" + strings.Join(attacks, "`, `") + "`"
		}
		p("- **%s %s**: %s What is left: %s (%s)", t.ID, t.Title, t.Scenario, t.Residual, proof)
	}
	if len(i.Threats) == 0 {
		p("None that the model knows.")
	}
}

func stamp(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05.000 UTC") }

func after(d time.Duration) string {
	if d <= 0 {
		return "not recorded"
	}
	return d.Round(time.Millisecond).String() + " after the first event"
}

// text is what somebody else may have chosen, in a table of Markdown: it begins no cell, link or tag.
func text(s string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ", "\r", " ", "<", "&lt;", "[", "\\[").Replace(s)
}
