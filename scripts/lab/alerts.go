package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/sentinel"
	"redoubt.example/scripts/internal/term"
	"redoubt.example/services/platform/alert"
)

type alertsOptions struct {
	follow bool
	rule   string
	since  time.Duration
}

func (a *app) alerts() *cobra.Command {
	var o alertsOptions
	cmd := &cobra.Command{
		Use:     "alerts",
		GroupID: groupLook,
		Short:   "Show what sentinel has found",
		Long: `Show the alerts that sentinel has raised, the oldest first: which rule came true, about whom, and how long after the event that
completed it. The rules are in threatmodel/detections.

With --follow each alert is printed as it comes, until Ctrl-C; with --json, too, as a line of JSON.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.showAlerts(cmd.Context(), o) },
	}
	cmd.Flags().BoolVarP(&o.follow, "follow", "f", false, "go on with those that are raised from now on, until Ctrl-C")
	cmd.Flags().StringVar(&o.rule, "rule", "", "only this rule's: the name of its folder")
	cmd.Flags().DurationVar(&o.since, "since", 0, "only of what happened in the last so long: 10m")
	return cmd
}

// sentinel returns a client of the lab's sentinel.
func (a *app) sentinel() (*sentinel.Client, error) {
	client, _, err := a.running()
	if err != nil {
		return nil, err
	}
	return client.Sentinel(), nil
}

// asked makes the error of a question to sentinel one sentence.
func (a *app) asked(err error) error {
	refused, ok := errors.AsType[*sentinel.Refused](err)
	switch {
	case errors.Is(err, sentinel.ErrAway):
		return exit.Mend(errors.New("sentinel doesn't answer"), "lab status"+a.dirFlag())
	case ok:
		return exit.Usagef("%s", refused.Reason)
	}
	return err
}

func (a *app) showAlerts(ctx context.Context, o alertsOptions) error {
	client, err := a.sentinel()
	if err != nil {
		return err
	}
	q := alert.Query{Rule: o.rule}
	if o.since > 0 {
		q.Since = time.Now().Add(-o.since)
	}
	all, err := client.Alerts(ctx, q)
	if err != nil {
		return a.asked(err)
	}
	if !o.follow {
		return a.output().Table(all, alertsTable(all))
	}
	for {
		for _, one := range all {
			if err := a.printAlert(one); err != nil {
				return err
			}
			q.After = max(q.After, one.Seq)
		}
		q.Wait = 20 * time.Second
		all, err = client.Alerts(ctx, q)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return a.asked(err)
		}
	}
}

// printAlert writes a line: what is followed has no end.
func (a *app) printAlert(one alert.Alert) error {
	if a.json {
		return json.NewEncoder(os.Stdout).Encode(one)
	}
	_, err := fmt.Printf("%s  %-8s  %s  %s\n", one.Time.Local().Format("15:04:05.000"), one.Level, about(one.Subject), one.Reason)
	return err
}

func alertsTable(all []alert.Alert) *term.Table {
	table := &term.Table{Headers: []string{">#", "time", "level", "~rule", "~about", ">events", ">found after"}}
	for _, one := range all {
		style := term.Plain
		if one.Level == "high" || one.Level == "critical" {
			style = term.Bad
		}
		table.Add(term.Text(one.Seq), term.Text(one.Time.Local().Format("15:04:05")), term.Cell{Text: one.Level, Style: style}, term.Text(one.Rule),
			term.Text(about(one.Subject)), term.Text(one.Count), term.Text(one.Raised.Sub(one.Time).Round(time.Millisecond)))
	}
	return table
}

// about says whom an alert is about: who did it if that is proved, else from where, else where it was noticed.
func about(s alert.Subject) string {
	switch {
	case s.Caller != "" && s.Caller != s.Reporter && s.Reporter != "":
		return s.Caller + " -> " + s.Reporter
	case s.Caller != "":
		return s.Caller
	case s.Principal != "":
		return "user " + s.Principal[:min(8, len(s.Principal))]
	case s.APIKey != "":
		return "API key " + s.APIKey
	case s.Address != "":
		return s.Address
	case s.Claimed != "":
		return "who says to be " + s.Claimed
	}
	return s.Reporter
}
