package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"redoubt.example/scripts/internal/doctor"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/stack"
	"redoubt.example/scripts/internal/term"
)

func (a *app) doctor() *cobra.Command {
	return &cobra.Command{
		Use:     "doctor",
		GroupID: groupStart,
		Short:   "Say what this machine has, what the lab will get by itself, and what is missing",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			repo, cache, err := checkout()
			if err != nil {
				return err
			}
			checks := doctor.Machine{Repo: repo, Cache: cache, Port: stack.DefaultPort}.Checks(cmd.Context())
			out := a.output()
			if err := out.Print(checks, func(w io.Writer) error { return writeChecks(w, out, checks) }); err != nil {
				return err
			}
			for _, c := range checks {
				if c.State == doctor.Missing {
					return exit.Mend(fmt.Errorf("%s is missing: %s", c.Name, c.Detail), c.Mend)
				}
			}
			return nil
		},
	}
}

func writeChecks(w io.Writer, out term.Output, checks []doctor.Check) error {
	table := &term.Table{Headers: []string{"what", "state", "detail"}}
	mends := ""
	for _, c := range checks {
		style := map[doctor.State]term.Style{doctor.OK: term.Good, doctor.Obtain: term.Warn, doctor.Missing: term.Bad}[c.State]
		table.Add(term.Text(c.Name), term.Cell{Text: string(c.State), Style: style}, term.Text(c.Detail))
		if c.Mend != "" {
			mends += fmt.Sprintf("\n%s: %s", c.Name, c.Mend)
		}
	}
	if err := table.Write(w, out.Colour); err != nil || mends == "" {
		return err
	}
	_, err := fmt.Fprintln(w, mends)
	return err
}
