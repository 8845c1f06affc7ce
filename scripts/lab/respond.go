package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/respond"
	"redoubt.example/scripts/internal/term"
	"redoubt.example/threatmodel"
)

// respond is the verb; each subject is a command of its own.
func (a *app) respond() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "respond <list|approve|undo|mode|order>",
		GroupID: groupRun,
		Short:   "Show, approve and undo what is done about alerts",
		Args:    cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return exit.Mend(exit.Usagef("say what to do about responses"), "lab help respond")
			}
			return exit.Mend(exit.Usagef("respond has no %q", args[0]), "lab help respond")
		},
	}
	cmd.AddCommand(a.respondList(), a.respondMode(), a.respondOrder(),
		a.respondOne("approve", "Have a proposal done", (*control.Client).ApproveResponse),
		a.respondOne("undo", "Take back what was done, and wait until who was isolated is back", (*control.Client).UndoResponse))
	return cmd
}

func (a *app) respondList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List what was done, proposed and refused, newest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, _, err := a.running()
			if err != nil {
				return err
			}
			all, err := client.Responses(cmd.Context())
			if err != nil {
				return err
			}
			return a.output().Table(all, responseTable(all.Responses, time.Now()))
		},
	}
}

func responseTable(all []respond.Entry, now time.Time) *term.Table {
	table := &term.Table{Headers: []string{"id", "state", "action", "target", "by", ">for", "why"}}
	for _, e := range all {
		cell := term.Cell{Text: e.State, Style: term.Warn}
		switch e.State {
		case respond.Done:
			cell.Style = term.Good
		case respond.Failed, respond.Refused:
			cell.Style = term.Bad
		}
		left, why := "", e.Rule
		if e.State == respond.Done && !e.Expires.IsZero() {
			left = e.Expires.Sub(now).Round(time.Second).String()
		}
		if e.Reason != "" {
			why += ": " + e.Reason
		}
		table.Add(term.Text(e.ID), cell, term.Text(e.Action), term.Text(abbreviated(e.Target)), term.Text(e.By), term.Text(left), term.Text(why))
	}
	return table
}

// abbreviated shortens pseudonyms: --json has them whole.
func abbreviated(target string) string {
	if len(target) == 32 && strings.Trim(target, "0123456789abcdef") == "" {
		return target[:12]
	}
	return target
}

func (a *app) respondOne(verb, short string, do func(*control.Client, context.Context, string, string) (respond.Entry, error)) *cobra.Command {
	return &cobra.Command{
		Use:   verb + " <id>",
		Short: short,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] == "" {
				return exit.Mend(exit.Usagef("name one response"), "lab respond list"+a.dirFlag())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			client, _, err := a.running()
			if err != nil {
				return err
			}
			done, err := do(client, cmd.Context(), args[0], whoami())
			if exit.Code(err) == exit.Usage {
				return exit.Mend(err, "lab respond list"+a.dirFlag())
			}
			if err != nil {
				return err
			}
			return a.printResponse(done)
		},
	}
}

func (a *app) printResponse(done respond.Entry) error {
	return a.output().Print(done, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s: %s %s: %s\n", done.ID, done.Action, done.Target, done.State)
		return err
	})
}

// whoami is who approves, for the journal.
func whoami() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return fmt.Sprintf("uid %d", os.Getuid())
}

func (a *app) respondMode() *cobra.Command {
	return &cobra.Command{
		Use:   "mode [<runbook> off|propose|auto]",
		Short: "Show how far each runbook goes, or change it in the running lab",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 0 && len(args) != 2 {
				return exit.Mend(exit.Usagef("name a runbook, and off, propose or auto"), "lab respond mode"+a.dirFlag())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			client, _, err := a.running()
			if err != nil {
				return err
			}
			if len(args) == 2 {
				if err := client.SetRunbookMode(cmd.Context(), args[0], threatmodel.Mode(args[1])); err != nil {
					return exit.Mend(err, "lab respond mode"+a.dirFlag())
				}
			}
			all, err := client.Responses(cmd.Context())
			if err != nil {
				return err
			}
			table := &term.Table{Headers: []string{"runbook", "mode", "what it does"}}
			for _, r := range all.Runbooks {
				table.Add(term.Text(r.ID), term.Text(r.Mode), term.Text(r.Title))
			}
			return a.output().Table(all.Runbooks, table)
		},
	}
}

func (a *app) respondOrder() *cobra.Command {
	var ask control.ResponseOrder
	cmd := &cobra.Command{
		Use:   "order <action> [target]",
		Short: "Do what no alert has asked for: isolate a service, block an address, revoke, throttle",
		Long: `Do one of the runbooks' actions by hand: ` + strings.Join(threatmodel.ActionNames(), ", ") + `.
It holds until it is undone or its time is over, and what a guard never allows isn't done for anybody.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return exit.Mend(exit.Usagef("name an action and its target"), "lab help respond order")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			client, _, err := a.running()
			if err != nil {
				return err
			}
			ask.Action, ask.By = args[0], whoami()
			if len(args) == 2 {
				ask.Target = args[1]
			}
			done, err := client.OrderResponse(cmd.Context(), ask)
			if err != nil {
				return err
			}
			return a.printResponse(done)
		},
	}
	cmd.Flags().StringVar(&ask.User, "user", "", "the target by its name: a demo user")
	cmd.Flags().DurationVar(&ask.For, "for", time.Hour, "for how long, 24h at most")
	return cmd
}
