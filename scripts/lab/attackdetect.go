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
	after := milliseconds(*a.DetectMS)
	if a.ContainMS != nil {
		after += ", contained " + milliseconds(*a.ContainMS)
	}
	return []term.Cell{term.Text(a.Rule), term.Text(after)}
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
	_, err := fmt.Fprintf(w, "%s%s%s\n", out.Paint(text, style), timesText("; found", d.Detect), timesText("; contained", d.Contain))
	return err
}

func timeCells(t attack.Times) []term.Cell {
	if t.N == 0 {
		return []term.Cell{term.Text("-"), term.Text("-")}
	}
	return []term.Cell{term.Text(milliseconds(t.Median)), term.Text(milliseconds(t.Worst))}
}

func timesText(what string, t attack.Times) string {
	if t.N == 0 {
		return ""
	}
	return fmt.Sprintf("%s after %.0f ms (median), %.0f ms (p95), %.0f ms (worst)", what, t.Median, t.P95, t.Worst)
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
	return &attack.Detector{Alerts: client.Alerts, Rules: rules, Runbooks: playbook.Runbooks}, err
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
