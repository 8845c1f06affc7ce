package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/stack"
	"redoubt.example/scripts/internal/supervisor"
	"redoubt.example/scripts/internal/term"
)

func (a *app) status() *cobra.Command {
	return &cobra.Command{
		Use:     "status",
		GroupID: groupLook,
		Short:   "Show each component: state, process, memory, address",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, _, err := a.running()
			if err != nil {
				return err
			}
			status, err := client.Status(cmd.Context())
			if err != nil {
				return err
			}
			out := a.output()
			return out.Print(status, func(w io.Writer) error { return writeStatus(w, out, status) })
		},
	}
}

func writeStatus(w io.Writer, out term.Output, s control.Status) error {
	headline := out.Paint("ready", term.Good)
	switch {
	case !s.Ready:
		headline = out.Paint("not ready", term.Bad) + because(s)
	case len(s.Degraded) > 0:
		headline = out.Paint("degraded", term.Warn) + because(s)
	}
	for _, warning := range warnings(s) {
		fmt.Fprintf(w, "%s\n", out.Paint(warning, term.Bad))
		defer fmt.Fprintf(w, "\n%s\n", out.Paint(warning, term.Bad))
	}
	if s.Engine == control.Docker {
		headline += ", in containers"
	}
	page := ""
	if s.PageURL != "" {
		page = fmt.Sprintf("page %s, opened by a link: %s page\n", s.PageURL, invocation())
	}
	fmt.Fprintf(w, "%s, mode %s, profile %s, started in %.1f s, %s resident\ngateway %s, CA %s\n%s\n",
		headline, s.Mode, s.Profile, s.StartupSeconds, term.Bytes(s.RSSBytes), s.GatewayURL, s.CAFile, page)
	table := &term.Table{Headers: []string{"component", "state", ">pid", ">memory", ">restarts", "address"}}
	for _, c := range s.Components {
		pid, address := "", c.Address
		if c.PID != 0 {
			pid = fmt.Sprint(c.PID)
		}
		if c.Error != "" {
			address = c.Error
		}
		table.Add(term.Text(c.Name), stateCell(c.State), term.Text(pid), term.Text(term.Bytes(c.RSSBytes)),
			term.Text(c.Restarts), term.Text(address))
	}
	return table.Write(w, out.Colour)
}

// warnings are what the lab does without, and how that differs from what its profile does without.
func warnings(s control.Status) (all []string) {
	more, less := stack.Deviation(s.Profile, s.ControlsOff)
	for _, text := range []string{stack.Warning(s.Mode), stack.ProfileWarning(s.Profile), list("UNSAFE: controls are switched off: ", more),
		list("but switched on: ", less), delayWarning(s.Delays)} {
		if text != "" {
			all = append(all, text)
		}
	}
	return all
}

func list(begin string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	return begin + strings.Join(names, ", ")
}

// because gives the first reason, and how many more there are: those who only feel what one of them does are listed
// after it.
func because(s control.Status) string {
	switch len(s.Degraded) {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf(" (%s: %s)", s.Degraded[0].Component, s.Degraded[0].Reason)
	}
	return fmt.Sprintf(" (%s: %s, and %d more: --json lists them)", s.Degraded[0].Component, s.Degraded[0].Reason, len(s.Degraded)-1)
}

func stateCell(state string) term.Cell {
	cell := term.Cell{Text: state, Style: term.Warn}
	switch supervisor.State(state) {
	case supervisor.Ready, supervisor.Done:
		cell.Style = term.Good
	case supervisor.Failed, supervisor.Degraded, supervisor.Restarting:
		cell.Style = term.Bad
	}
	return cell
}
