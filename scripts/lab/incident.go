package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/review"
	"redoubt.example/scripts/internal/sentinel"
	"redoubt.example/scripts/internal/term"
	"redoubt.example/services/platform/alert"
	"redoubt.example/threatmodel"
)

func (a *app) incident() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "incident <list|show|export>",
		GroupID: groupLook,
		Short:   "Show incidents: alerts that belong together, and what was done about them",
		Args:    cobra.ArbitraryArgs,
		RunE:    subject("incident"),
	}
	cmd.AddCommand(a.incidentList(), a.incidentShow(), a.incidentExport())
	return cmd
}

func (a *app) incidentList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List incidents, the oldest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.sentinel()
			if err != nil {
				return err
			}
			all, err := client.Incidents(cmd.Context())
			if err != nil {
				return a.asked(err)
			}
			return a.output().Table(all, incidentsTable(all))
		},
	}
}

func incidentsTable(all []alert.Incident) *term.Table {
	table := &term.Table{Headers: []string{"id", "opened", "state", "level", "~title", "~about", ">alerts", "threats"}}
	for _, i := range all {
		state := term.Cell{Text: i.State, Style: term.Good}
		if i.State == "open" {
			state.Style = term.Bad
		}
		table.Add(term.Text(i.ID), term.Text(i.Opened.Local().Format("15:04:05")), state, term.Text(i.Level), term.Text(i.Title),
			term.Text(about(i.Subject)), term.Text(len(i.Alerts)), term.Text(strings.Join(i.Threats, " ")))
	}
	return table
}

func (a *app) incidentShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show <id>",
		Short: "Show an incident's alerts and responses, in order",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.sentinel()
			if err != nil {
				return err
			}
			i, err := a.findIncident(cmd.Context(), client, args[0])
			if err != nil {
				return err
			}
			return a.output().Print(i, func(w io.Writer) error {
				if _, err := fmt.Fprintf(w, "%s %s: %s, %s\n\n", i.ID, i.State, i.Title, review.Subject(i.Subject)); err != nil {
					return err
				}
				if err := alertsTable(i.Alerts).Write(w, a.output().Colour); err != nil || len(i.Responses) == 0 {
					return err
				}
				table := &term.Table{Headers: []string{"time", "action", "~target", "state", "by", "~why"}}
				for _, r := range i.Responses {
					table.Add(term.Text(r.Time.Local().Format("15:04:05.000")), term.Text(r.Action), term.Text(r.Target), term.Text(r.State), term.Text(r.By), term.Text(r.Reason))
				}
				if _, err := fmt.Fprintln(w); err != nil {
					return err
				}
				return table.Write(w, a.output().Colour)
			})
		},
	}
}

func (a *app) findIncident(ctx context.Context, client *sentinel.Client, id string) (alert.Incident, error) {
	all, err := client.Incidents(ctx)
	if err != nil {
		return alert.Incident{}, a.asked(err)
	}
	for _, i := range all {
		if strings.EqualFold(i.ID, id) {
			return i, nil
		}
	}
	return alert.Incident{}, exit.Mend(exit.Usagef("there is no incident %s", id), "lab incident list"+a.dirFlag())
}

func (a *app) incidentExport() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "export <id>",
		Short: "Write a post-incident review in Markdown",
		Long: `Write what is to be learned from an incident: summary, timeline with evidence, what was refused by which layer, what was done and how
fast, the threats, and the questions that the threat model should answer next. All of it is derived from what sentinel keeps.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			i, err := a.review(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if file == "" {
				return a.output().Print(i, i.Markdown)
			}
			out, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
			if err != nil {
				return fmt.Errorf("write the review: %w", err)
			}
			return errors.Join(i.Markdown(out), out.Close())
		},
	}
	cmd.Flags().StringVar(&file, "to", "", "write it to this file instead of standard output")
	return cmd
}

// review is an incident with everything that its review is derived from.
func (a *app) review(ctx context.Context, id string) (review.Incident, error) {
	client, err := a.sentinel()
	if err != nil {
		return review.Incident{}, err
	}
	found, err := a.findIncident(ctx, client, id)
	if err != nil {
		return review.Incident{}, err
	}
	i := review.Incident{Incident: found, Now: time.Now(), Proof: map[string][]string{}, Threats: []threatmodel.Threat{}}
	model, err := loadThreats()
	if err != nil {
		return i, err
	}
	for _, id := range found.Threats {
		if t, ok := model.Threat(id); ok {
			i.Threats = append(i.Threats, t)
			i.Proof[id] = model.AttacksOn(id)
		}
	}
	// A second before, for what led to the first event; a minute after, for what came of the last response.
	i.Events, err = client.Events(ctx, alert.EventQuery{Since: found.Opened.Add(-time.Second), Until: found.Updated.Add(time.Minute), Limit: maxEvents})
	return i, a.asked(err)
}
