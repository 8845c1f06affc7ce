package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"redoubt.example/scripts/internal/reach"
	"redoubt.example/scripts/internal/term"
)

func (a *app) attackReach() *cobra.Command {
	var profile string
	cmd := &cobra.Command{
		Use:   "reach",
		Short: "Measure lateral movement: which services a compromised notification can use",
		Long: `Try every route of every other service as notification, with its real certificate and tokens that it writes itself, and count
the services that it can use.

Uses the lab of --dir if it is up; else starts one, and stops it afterwards.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withProfile(cmd.Context(), profile, "", func(ctx context.Context) error {
				lab, err := a.target(ctx)
				if err != nil {
					return err
				}
				report, err := reach.Measure(ctx, lab)
				if err != nil {
					return err
				}
				out := a.output()
				return out.Print(report, func(w io.Writer) error { return writeReach(w, out, report) })
			})
		},
	}
	cmd.Flags().StringVar(&profile, "profile", "", "of the lab: "+strings.Join(profileNames(), ", "))
	return cmd
}

func writeReach(w io.Writer, out term.Output, r reach.Report) error {
	table := &term.Table{Headers: []string{"service", "~route", "usable", "answer"}}
	for _, at := range r.Attempts {
		usable := term.Text("no")
		if at.Usable {
			usable = term.Cell{Text: "yes", Style: term.Warn}
		}
		table.Add(term.Text(at.Service), term.Text(shortRoute(at.Route)), usable, term.Text(at.Answer))
	}
	if err := table.Write(w, out.Colour); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\na compromised %s can use %d of %d services\n", r.From, r.Reach, r.Of)
	return err
}
