package main

import (
	"errors"
	"io"

	"github.com/spf13/cobra"

	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/interview"
	"redoubt.example/scripts/internal/term"
	"redoubt.example/threatmodel"
)

func (a *app) interviewSheet() *cobra.Command {
	var o interviewOptions
	var markdown string
	cmd := &cobra.Command{
		Use:   "sheet",
		Short: "FOR THE INTERVIEWER: the answer, with rubric, trace, follow-ups and wrong turns",
		Long: `FOR THE INTERVIEWER: the answer to the interview that is under way or ended last in --dir, or, with --level and --seed, to
any; no lab is needed for that, so read it on your own machine before. That it was opened while an interview is under way is
noted in the report.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			i, err := a.interviewOf(o)
			if err != nil {
				return err
			}
			sheet, err := interview.NewAnswer(i)
			if err != nil {
				return err
			}
			if markdown != "" {
				if err := writeFile(markdown, func(w io.Writer) error { return sheet.Write(w, true) }); err != nil {
					return err
				}
			}
			return a.output().Print(sheet, func(w io.Writer) error { return sheet.Write(w, false) })
		},
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&markdown, "markdown", "", "write the sheet as Markdown to this file, too")
	return cmd
}

// interviewOf is what the flags say, or else the one of --dir.
func (a *app) interviewOf(o interviewOptions) (threatmodel.Interview, error) {
	if o.level != "" {
		if err := o.check(); err != nil {
			return threatmodel.Interview{}, err
		}
		return interview.Session{Level: o.level, Kind: o.kind, Seed: o.seed}.Interview()
	}
	folder, err := a.interviews()
	if err != nil {
		return threatmodel.Interview{}, err
	}
	s, err := folder.Last()
	if errors.Is(err, interview.None) {
		err = exit.Mend(exit.Usagef("there was no interview in %s: name one with --level and --seed", a.path), "lab help interview sheet")
	}
	if err != nil {
		return threatmodel.Interview{}, err
	}
	return s.Interview()
}

func (a *app) interviewList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "How many interviews there are of each level and kind; their titles would tell too much",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			all, err := threatmodel.Interviews()
			if err != nil {
				return err
			}
			type line struct {
				Level    string `json:"level"`
				Kind     string `json:"kind"`
				Count    int    `json:"interviews"`
				Variants int    `json:"variants"`
			}
			list := []line{}
			table := &term.Table{Headers: []string{"level", "kind", ">interviews", ">variants"}}
			for _, level := range threatmodel.ExerciseLevels {
				for _, kind := range threatmodel.InterviewKinds {
					l := line{Level: level, Kind: kind}
					for _, i := range all {
						if i.Level == level && i.Kind == kind {
							l.Count++
							l.Variants += max(1, len(i.Variants))
						}
					}
					list = append(list, l)
					table.Add(term.Text(l.Level), term.Text(l.Kind), count(l.Count), count(l.Variants))
				}
			}
			return a.output().Table(list, table)
		},
	}
}
