package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"redoubt.example/scripts/internal/attack"
	"redoubt.example/scripts/internal/term"
)

func (a *app) attackRevert() *cobra.Command {
	return &cobra.Command{
		Use:   "revert [ID|pattern]...",
		Short: "Take away what attacks left behind; a run does that by itself unless it was killed",
		RunE: func(cmd *cobra.Command, args []string) error {
			chosen, err := selectAttacks(args)
			if err != nil {
				return err
			}
			lab, err := a.target(cmd.Context())
			if err != nil {
				return err
			}
			reverted, err := attack.Revert(cmd.Context(), lab, chosen)
			if err != nil {
				return err
			}
			return a.output().Print(map[string][]string{"reverted": reverted}, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "reverted: %s\n", strings.Join(reverted, ", "))
				return err
			})
		},
	}
}

func (a *app) attackStatus() *cobra.Command {
	return &cobra.Command{
		Use:   "status [ID|pattern]...",
		Short: "Show what became of each attack when it was last run here",
		RunE: func(_ *cobra.Command, args []string) error {
			chosen, err := selectAttacks(args)
			if err != nil {
				return err
			}
			dir, err := a.dir()
			if err != nil {
				return err
			}
			last, err := attack.ReadHistory(dir.Path())
			if err != nil {
				return err
			}
			list := []attack.Entry{}
			table := &term.Table{Headers: []string{"attack", "verdict", "when", "mode", "~evidence"}}
			for _, one := range chosen {
				e, ok := last[one.ID]
				if !ok {
					e = attack.Entry{Result: attack.Result{ID: one.ID, Threat: one.Threat, Vantage: string(one.Vantage), BlockedBy: one.BlockedBy}}
				}
				list = append(list, e)
				if !ok {
					table.Add(term.Text(one.ID), term.Cell{Text: "never run", Style: term.Dim})
					continue
				}
				table.Add(term.Text(one.ID), verdictCell(e.Verdict), term.Text(e.Time.Local().Format("2006-01-02 15:04:05")), term.Text(e.Mode), term.Text(e.Evidence.Summary))
			}
			return a.output().Table(list, table)
		},
	}
}
