package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"redoubt.example/scripts/internal/attack"
	"redoubt.example/scripts/internal/term"
	"redoubt.example/scripts/internal/threats"
	"redoubt.example/threatmodel"
)

// trace is what `lab threat trace --json` prints.
type trace struct {
	Threat threatmodel.Threat `json:"threat"`
	Layers []tracedStep       `json:"layers"`
}

// tracedStep is a control on the threat's way in, with what became of the attacks on it when they were last run here.
type tracedStep struct {
	threats.Step
	Evidence []attack.Entry `json:"evidence"`
}

func (a *app) threatTrace() *cobra.Command {
	return &cobra.Command{
		Use:   "trace <ID>",
		Short: "Walk a threat from the edge inwards: each control, its configuration, its code, its evidence",
		Long: `Walk a threat from the edge inwards. At each layer: the control, where it is configured, the code that enforces it, and the
evidence of its last test, from the lab of --dir (` + "`lab attack run`" + ` makes some).`,
		RunE: func(_ *cobra.Command, args []string) error {
			m, t, err := oneThreat(args)
			if err != nil {
				return err
			}
			repo, err := repository()
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
			steps, err := m.Trace(t, repo)
			if err != nil {
				return err
			}
			result := trace{Threat: t, Layers: []tracedStep{}}
			for _, s := range steps {
				traced := tracedStep{Step: s, Evidence: []attack.Entry{}}
				for _, id := range s.Attacks {
					e, ok := last[id]
					if !ok || e.BlockedBy != s.Control {
						e, ok = attack.Proven(last, id, s.Control)
					}
					if ok {
						traced.Evidence = append(traced.Evidence, e)
					}
				}
				result.Layers = append(result.Layers, traced)
			}
			out := a.output()
			return out.Print(result, func(w io.Writer) error { return writeTrace(w, out, result) })
		},
	}
}

func writeTrace(w io.Writer, out term.Output, t trace) error {
	fmt.Fprintf(w, "%s: %s\n\n%s\npath: %s\n", t.Threat.ID, t.Threat.Title, wrap(t.Threat.Scenario, ""), strings.Join(t.Threat.Path, ", "))
	for _, s := range t.Layers {
		fmt.Fprintf(w, "\n%s %s\n", out.Paint(fmt.Sprintf("%-6s", s.Layer), term.Dim), out.Paint(s.Control, term.Good))
		line := func(label, text string) { fmt.Fprintf(w, "       %-14s %s\n", label, text) }
		line("stops", s.Stops)
		line("by", s.Standard+", enforced by "+s.Owner)
		line("configured in", s.Configuration.File+": "+s.Configuration.What)
		for i, place := range s.Code {
			if label := ""; i == 0 {
				line("code", place)
			} else if i < 5 {
				line(label, place)
			}
		}
		if len(s.Evidence) == 0 {
			line("evidence", untestedNote(s))
		}
		for _, e := range s.Evidence {
			line("evidence", fmt.Sprintf("%s: %s at %s, mode %s", e.ID, e.Verdict, e.Time.Local().Format("2006-01-02 15:04:05"), e.Mode))
			if raw, err := json.Marshal(e.Evidence.Record); err == nil && len(e.Evidence.Record) > 0 {
				line("", e.Evidence.Component+".log "+string(raw))
			} else {
				line("", e.Evidence.Summary)
			}
		}
	}
	_, err := fmt.Fprintf(w, "\nwhat is left: %s\n", wrap(t.Threat.Residual, ""))
	return err
}

// untestedNote says why there is no evidence of a control's own.
func untestedNote(s tracedStep) string {
	if len(s.Attacks) == 0 {
		return "no attack on this threat gets as far as here"
	}
	return "none here yet: `lab attack run " + s.Attacks[0] + "`, or, where it backs up another, `lab attack prove " + s.Control + "`"
}
