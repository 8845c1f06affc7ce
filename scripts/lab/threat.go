package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/term"
	"redoubt.example/scripts/internal/threats"
	"redoubt.example/threatmodel"
)

// threat is the verb; what to do with the model is a command of its own.
func (a *app) threat() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "threat list|show|trace|render",
		GroupID: groupLook,
		Short:   "Look at the threat model; trace a threat through every layer, with its evidence",
		Args:    cobra.ArbitraryArgs,
		RunE:    subject("threat"),
	}
	cmd.AddCommand(a.threatList(), a.threatShow(), a.threatTrace(), a.threatRender())
	return cmd
}

// describedThreat is a threat with the attacks that test it.
type describedThreat struct {
	threatmodel.Threat
	Attacks []string `json:"attacks"`
}

func (a *app) threatList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the threats",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			m, err := loadThreats()
			if err != nil {
				return err
			}
			list := []describedThreat{}
			table := &term.Table{Headers: []string{"threat", "zone", "title", ">controls", ">attacks", "~stride"}}
			for _, t := range m.Threats {
				d := describedThreat{t, append([]string{}, m.AttacksOn(t.ID)...)}
				list = append(list, d)
				table.Add(term.Text(t.ID), term.Text(t.Zone), term.Text(t.Title), term.Text(len(t.All())), term.Text(len(d.Attacks)), term.Text(strings.Join(t.STRIDE, ", ")))
			}
			return a.output().Table(list, table)
		},
	}
}

func (a *app) threatShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show <ID>",
		Short: "Show one threat: who does what, after what, what stops it, and what is left",
		RunE: func(_ *cobra.Command, args []string) error {
			m, t, err := oneThreat(args)
			if err != nil {
				return err
			}
			d := describedThreat{t, append([]string{}, m.AttacksOn(t.ID)...)}
			return a.output().Print(d, func(w io.Writer) error { return writeThreat(w, d) })
		},
	}
}

func writeThreat(w io.Writer, d describedThreat) error {
	fmt.Fprintf(w, "%s: %s\n\n%s\n\n", d.ID, d.Title, wrap(d.Scenario, ""))
	rows := [][2]string{
		{"zone", string(d.Zone)}, {"story", d.Story}, {"STRIDE", strings.Join(d.STRIDE, ", ")}, {"OWASP API", weaknesses(d.OWASPAPI, threatmodel.OWASPAPI)},
		{"OWASP LLM", weaknesses(d.OWASPLLM, threatmodel.OWASPLLM)}, {"ATT&CK", strings.Join(d.Technique, ", ")}, {"after", strings.Join(d.Assets, ", ")},
		{"path", strings.Join(d.Path, "\n")},
	}
	for _, layer := range threatmodel.Layers {
		rows = append(rows, [2]string{layer, strings.Join(d.Controls[layer], ", ")})
	}
	rows = append(rows, [2]string{"attacks", strings.Join(d.Attacks, "\n")}, [2]string{"untested", d.Untested}, [2]string{"what is left", wrap(d.Residual, "")}, [2]string{"owner", d.Owner})
	for _, row := range rows {
		if row[1] == "" {
			continue
		}
		if _, err := fmt.Fprintf(w, "%-13s %s\n", row[0], strings.ReplaceAll(row[1], "\n", "\n"+strings.Repeat(" ", 14))); err != nil {
			return err
		}
	}
	return nil
}

func weaknesses(ids []string, names map[string]string) string {
	all := make([]string, len(ids))
	for i, id := range ids {
		all[i] = id + " " + names[id]
	}
	return strings.Join(all, ", ")
}

// wrap breaks a text into lines that fit beside a label.
func wrap(text, indent string) string {
	var out strings.Builder
	width := 0
	for _, word := range strings.Fields(text) {
		if width > 0 && width+1+len(word) > term.Width-16-len(indent) {
			out.WriteString("\n" + indent)
			width = 0
		}
		if width > 0 {
			out.WriteString(" ")
			width++
		}
		out.WriteString(word)
		width += len(word)
	}
	return out.String()
}

func loadThreats() (*threats.Model, error) {
	suite, err := suiteFolder()
	if err != nil {
		return nil, err
	}
	m, err := threats.Load(suite)
	if err != nil {
		return nil, exit.Usagef("%w", err)
	}
	return m, nil
}

func oneThreat(args []string) (*threats.Model, threatmodel.Threat, error) {
	m, err := loadThreats()
	if err != nil {
		return nil, threatmodel.Threat{}, err
	}
	if len(args) != 1 {
		return nil, threatmodel.Threat{}, exit.Mend(exit.Usagef("name one threat"), "lab threat list")
	}
	t, ok := m.Threat(strings.ToUpper(args[0]))
	if !ok {
		return nil, threatmodel.Threat{}, exit.Mend(exit.Usagef("there is no threat %q", args[0]), "lab threat list")
	}
	return m, t, nil
}
