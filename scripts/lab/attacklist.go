package main

import (
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"redoubt.example/loadtest/attacks"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/term"
)

// describedAttack is an attack as `lab attack list --json` and `show --json` have it.
type describedAttack struct {
	ID        string   `json:"id"`
	Title     string   `json:"title"`
	Threat    string   `json:"threat"`
	Technique string   `json:"technique"`
	Vantage   string   `json:"vantage"`
	BlockedBy string   `json:"blocked_by"`
	BackedBy  []string `json:"backed_by"`
	Target    string   `json:"target,omitempty"`
	Evidence  string   `json:"evidence"`
	Raises    string   `json:"raises,omitempty"` // where no control stops it
	Modes     []string `json:"modes"`
	Needs     string   `json:"needs,omitempty"`
	Script    string   `json:"script,omitempty"`
}

func describe(a attacks.Attack) describedAttack {
	return describedAttack{a.ID, a.Title, a.Threat, a.Technique, string(a.Vantage), a.BlockedBy, append([]string{}, a.BackedBy...), a.Target,
		a.Evidence, a.Raises, a.Modes, a.Needs, ""}
}

func (a *app) attackList() *cobra.Command {
	return &cobra.Command{
		Use:   "list [ID|pattern]...",
		Short: "List the attacks: from where, against which threat, and what ought to stop them",
		RunE: func(_ *cobra.Command, args []string) error {
			chosen, err := selectAttacks(args)
			if err != nil {
				return err
			}
			list := []describedAttack{}
			table := &term.Table{Headers: []string{"attack", "threat", "vantage", "stopped by", "~title"}}
			for _, one := range chosen {
				list = append(list, describe(one))
				table.Add(term.Text(one.ID), term.Text(one.Threat), term.Text(one.Vantage), term.Text(cmp.Or(one.BlockedBy, "found: "+one.Raises)), term.Text(one.Title))
			}
			return a.output().Table(list, table)
		},
	}
}

func (a *app) attackShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show <ID>",
		Short: "Show one attack: what it is for, and its script",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return exit.Mend(exit.Usagef("name one attack"), "lab attack list")
			}
			chosen, err := selectAttacks(args)
			if err != nil {
				return err
			}
			if len(chosen) != 1 {
				return exit.Mend(exit.Usagef("%q names %d attacks: show one", args[0], len(chosen)), "lab attack list")
			}
			suite, err := suiteFolder()
			if err != nil {
				return err
			}
			script, err := fs.ReadFile(suite, chosen[0].ID+"/attack.js")
			if err != nil {
				return err
			}
			d := describe(chosen[0])
			d.Script = string(script)
			return a.output().Print(d, func(w io.Writer) error { return writeAttack(w, d) })
		},
	}
}

func writeAttack(w io.Writer, d describedAttack) error {
	fmt.Fprintf(w, "%s: %s\n\n", d.ID, d.Title)
	rows := [][2]string{
		{"threat", d.Threat}, {"technique", "https://attack.mitre.org/techniques/" + strings.ReplaceAll(d.Technique, ".", "/") + "/"},
		{"vantage point", d.Vantage}, {"stopped by", d.BlockedBy}, {"backed by", strings.Join(d.BackedBy, ", ")}, {"in", d.Target},
		{"evidence", d.Evidence}, {"raises", d.Raises}, {"modes", strings.Join(d.Modes, ", ")}, {"needs", d.Needs},
	}
	for _, row := range rows {
		if row[1] != "" {
			fmt.Fprintf(w, "%-14s %s\n", row[0], row[1])
		}
	}
	_, err := fmt.Fprintf(w, "\n%s", d.Script)
	return err
}
