package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/term"
	"redoubt.example/services/platform/alert"
	"redoubt.example/services/platform/event"
)

type eventsOptions struct {
	alert.EventQuery
	since time.Duration
}

func (a *app) events() *cobra.Command {
	var o eventsOptions
	cmd := &cobra.Command{
		Use:     "events",
		GroupID: groupLook,
		Short:   "Search the security events of all services",
		Long: `Search the security events that sentinel keeps, the oldest first: what controls decided, requests, logins, certificates, and what Vault,
Consul and PostgreSQL refused. --json has every field, by its name in the Elastic Common Schema.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.showEvents(cmd.Context(), o) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Service, "service", "", "only what this service reports")
	flags.StringVar(&o.Caller, "caller", "", "only what this service did, as its certificate proves; outside: clients")
	flags.StringVar(&o.Principal, "principal", "", "only what a user did, by the pseudonym in alerts and events (user.hash)")
	flags.StringVar(&o.Control, "control", "", "only what this control decided: lab control list")
	flags.StringVar(&o.Outcome, "outcome", "", "success or failure")
	flags.StringVar(&o.Request, "id", "", "only this request (the response's X-Request-Id)")
	flags.DurationVar(&o.since, "since", 0, "only of the last so long: 10m")
	flags.IntVarP(&o.Limit, "lines", "n", 200, "at most so many")
	return cmd
}

func (a *app) showEvents(ctx context.Context, o eventsOptions) error {
	if o.Limit < 1 || o.Limit > maxEvents {
		return exit.Usagef("--lines is from 1 to %d", maxEvents)
	}
	client, err := a.sentinel()
	if err != nil {
		return err
	}
	if o.since > 0 {
		o.Since = time.Now().Add(-o.since)
	}
	all, err := client.Events(ctx, o.EventQuery)
	if err != nil {
		return a.asked(err)
	}
	return a.output().Table(all, eventsTable(all))
}

// maxEvents is what sentinel gives out at once.
const maxEvents = 10_000

func eventsTable(all []alert.Event) *term.Table {
	table := &term.Table{Headers: []string{"time", "service", "caller", "~what", "outcome", "~why"}}
	for _, e := range all {
		outcome := term.Text(field(e, event.Outcome))
		if outcome.Text == "failure" {
			outcome.Style = term.Warn
		}
		table.Add(term.Text(e.Time.Local().Format("15:04:05.000")), term.Text(field(e, event.Service)), term.Text(field(e, event.Caller)), term.Text(what(e)),
			outcome, term.Text(why(e)))
	}
	return table
}

// what is the control that decided, the route that was used, or what was done.
func what(e alert.Event) string {
	for _, name := range []string{event.RuleID, "http.route", "url.path"} {
		if text := field(e, name); text != "" {
			return text
		}
	}
	return field(e, event.Action)
}

func why(e alert.Event) string {
	if text := field(e, event.Reason); text != "" {
		return text
	}
	return field(e, "http.response.status_code")
}

func field(e alert.Event, name string) string {
	switch v := e.Fields[name].(type) {
	case nil:
		return ""
	case float64: // as encoding/json reads numbers; they are whole
		return fmt.Sprintf("%.0f", v)
	case []any: // fields that are lists have one value
		if len(v) == 1 {
			return fmt.Sprint(v[0])
		}
	}
	return fmt.Sprint(e.Fields[name])
}
