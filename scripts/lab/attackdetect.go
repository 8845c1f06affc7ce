package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"redoubt.example/scripts/internal/attack"
	"redoubt.example/scripts/internal/load"
	"redoubt.example/scripts/internal/sentinel"
	"redoubt.example/scripts/internal/term"
	"redoubt.example/services/platform/alert"
	"redoubt.example/threatmodel"
)

// alertCells are the alert that belongs to an attack, and how long it took.
func alertCells(a *attack.Alert) []term.Cell {
	switch {
	case a.Unseen:
		return []term.Cell{term.Text("no event"), term.Text("")}
	case a.Rule == "":
		return []term.Cell{{Text: "NONE", Style: term.Bad}, term.Text("")}
	case a.Already:
		return []term.Cell{term.Text(a.Rule), term.Text("already raised")}
	}
	return []term.Cell{term.Text(a.Rule), term.Text(milliseconds(*a.DetectMS))}
}

// containCell is how long it took until the attacker was refused for what was done about him, or that nothing was.
func containCell(a *attack.Alert) term.Cell {
	switch {
	case a.Response == nil:
		return term.Text("")
	case a.ContainMS != nil:
		return term.Text(milliseconds(*a.ContainMS))
	case a.Response.Missed:
		return term.Cell{Text: "NOT CONTAINED", Style: term.Bad}
	}
	return term.Text("no response")
}

func milliseconds(ms float64) string { return fmt.Sprintf("%.0f ms", ms) }

// writeDetected says which attacks were found, and how fast: by threat, and in all.
func writeDetected(w io.Writer, out term.Output, r attack.Report) error {
	d := r.Detected
	for _, one := range r.Attacks {
		if one.Alert.Rule == "" && !one.Alert.Unseen {
			fmt.Fprintf(w, "\n%s %s: %s\n", out.Paint("not found", term.Bad), one.ID, one.Alert.Reason)
		}
	}
	if err := writeUncontained(w, out, r.Attacks); err != nil {
		return err
	}
	fmt.Fprintln(w)
	table := &term.Table{Headers: []string{"threat", "attacks", "found", "median", "worst", "contained: median", "worst"}}
	for _, t := range d.Threats {
		table.Add(append([]term.Cell{term.Text(t.Threat), term.Text(fmt.Sprint(t.Attacks)), term.Text(fmt.Sprint(t.Found))},
			append(timeCells(t.Detect), timeCells(t.Contain)...)...)...)
	}
	if err := table.Write(w, out.Colour); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for _, s := range d.Unseen {
		fmt.Fprintf(w, "not counted: %s: %s\n", s.ID, s.Reason)
	}
	style := term.Good
	if !r.Seen() {
		style = term.Bad
	}
	text := fmt.Sprintf("%d of %d attacks found", d.Found, d.Of)
	if d.Already > 0 {
		text += fmt.Sprintf(", %d of them by an alert of just before, whose rule is silent for a while", d.Already)
	}
	_, err := fmt.Fprintf(w, "%s%s\n", out.Paint(text, style), timesText("; found", d.Detect, detectTarget))
	if err != nil || d.Contain.N+d.Missed+d.Unanswered == 0 {
		return err
	}
	text = fmt.Sprintf("%d contained", d.Contain.N)
	if d.Approved > 0 {
		text += fmt.Sprintf(" (%d by a response that a guard left to a person, and the run approved)", d.Approved)
	}
	_, err = fmt.Fprintf(w, "%s%s; %d without a response\n", text, timesText(",", d.Contain, containTarget), d.Unanswered)
	return err
}

// What is aimed at, at the 95th percentile, in milliseconds.
const (
	detectTarget  = 1000
	containTarget = 2000
)

// writeUncontained says why nothing refused the attacker, reason by reason.
func writeUncontained(w io.Writer, out term.Output, all []attack.Result) error {
	table, rows := &term.Table{Headers: []string{"no response to", "done", "~because"}}, 0
	for _, one := range all {
		r := one.Alert.Response
		switch {
		case r == nil || one.Alert.ContainMS != nil:
		case r.Missed:
			fmt.Fprintf(w, "\n%s %s: %s is done, and nothing was refused for it\n", out.Paint("not contained", term.Bad), one.ID, r.Action)
		default:
			done := ""
			if r.DoneMS != nil {
				done = r.Action + ", " + milliseconds(*r.DoneMS)
			}
			table.Add(term.Text(one.ID), term.Text(done), term.Text(r.None))
			rows++
		}
	}
	if rows == 0 {
		return nil
	}
	fmt.Fprintln(w)
	return table.Write(w, out.Colour)
}

func timeCells(t attack.Times) []term.Cell {
	if t.N == 0 {
		return []term.Cell{term.Text("-"), term.Text("-")}
	}
	return []term.Cell{term.Text(milliseconds(t.Median)), term.Text(milliseconds(t.Worst))}
}

func timesText(what string, t attack.Times, target float64) string {
	if t.N == 0 {
		return ""
	}
	met := "met"
	if t.P95 > target {
		met = "MISSED"
	}
	return fmt.Sprintf("%s after %.0f ms (median), %.0f ms (p95; target %.0f ms: %s), %.0f ms (worst)", what, t.Median, t.P95, target, met, t.Worst)
}

// detector asks the lab's sentinel for what it raises, with the rules of the threat model.
func (a *app) detector() (*attack.Detector, error) {
	client, err := a.sentinel()
	if err != nil {
		return nil, err
	}
	threats, err := threatmodel.Load()
	if err != nil {
		return nil, err
	}
	rules, err := threatmodel.Detections(threats)
	if err != nil {
		return nil, err
	}
	playbook, err := threatmodel.Runbooks(rules)
	return &attack.Detector{Alerts: client.Alerts, Rules: rules, Playbook: playbook}, err
}

// settled is how long after the last event an alert may come of it: events are shipped, those that are late are waited for, and a
// rule with an upper limit is judged when its window is over, which is none of those that there are.
const settled = 3 * time.Second

// listening counts the alerts of a while.
type listening struct {
	client *sentinel.Client
	before alert.Health
	last   int64
}

func (a *app) listen(ctx context.Context) (*listening, error) {
	client, err := a.sentinel()
	if err != nil {
		return nil, err
	}
	l := &listening{client: client}
	if l.before, err = client.Health(ctx); err != nil {
		return nil, err
	}
	all, err := client.Alerts(ctx, alert.Query{})
	if len(all) > 0 {
		l.last = all[len(all)-1].Seq
	}
	return l, err
}

func (l *listening) end(ctx context.Context) (*load.Alerts, error) {
	select {
	case <-time.After(settled):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	all, err := l.client.Alerts(ctx, alert.Query{After: l.last})
	if err != nil {
		return nil, err
	}
	after, err := l.client.Health(ctx)
	found := &load.Alerts{Raised: len(all), Rules: map[string]int{}, Events: after.Events - l.before.Events}
	for _, one := range all {
		found.Rules[one.Rule]++
	}
	return found, err
}
