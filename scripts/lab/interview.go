package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"redoubt.example/scripts/internal/exercise"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/interview"
	"redoubt.example/threatmodel"
)

// interviewVerb is the verb; what to do with an interview is a command of its own.
func (a *app) interviewVerb() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "interview start|status|apply|check|end|sheet|list",
		GroupID: groupRun,
		Short:   "Interview on the running lab: an incident or a design question, a sheet for the interviewer, a report",
		Long: `Interview on the running lab. "start" says what happened, or what is to be designed; the candidate uses all the lab's verbs;
"end" writes a report with a timeline. "sheet" is for the interviewer: the rubric, the trace through every layer, follow-ups and
wrong turns. The same level and seed give the same interview.

Verbs that are used on the lab meanwhile are noted, with their arguments and without their flags.`,
		Args: cobra.ArbitraryArgs,
		RunE: subject("interview"),
	}
	cmd.AddCommand(a.interviewStart(), a.interviewStatus(), a.interviewApply(), a.interviewCheck(), a.interviewEnd(), a.interviewSheet(),
		a.interviewList(), a.interviewBackground())
	return cmd
}

// interviewFolder is below --dir.
const interviewFolder = "interview"

func (a *app) interviews() (interview.Folder, error) {
	dir, err := a.dir()
	if err != nil {
		return "", err
	}
	return interview.Folder(filepath.Join(dir.Path(), interviewFolder)), nil
}

// interviewing is what is under way.
func (a *app) interviewing() (f interview.Folder, s interview.Session, i threatmodel.Interview, err error) {
	if f, err = a.interviews(); err != nil {
		return f, s, i, err
	}
	if s, err = f.Current(); err != nil {
		if errors.Is(err, interview.None) {
			err = exit.Mend(exit.Usagef("%w", err), "lab interview start"+a.dirFlag())
		}
		return f, s, i, err
	}
	i, err = s.Interview()
	return f, s, i, err
}

// notInterviewing refuses what would take the place of what an interview is about.
func (a *app) notInterviewing() error {
	if _, _, _, err := a.interviewing(); err != nil {
		return nil //nolint:nilerr // none is under way, or none that can be told
	}
	return exit.Mend(exit.Usagef("an interview is under way"), "lab interview end"+a.dirFlag())
}

type interviewOptions struct {
	level, kind string
	minutes     int
	seed        uint64
}

func (o *interviewOptions) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.level, "level", "", "of the candidate: "+strings.Join(threatmodel.ExerciseLevels, ", "))
	cmd.Flags().StringVar(&o.kind, "kind", "", "incident or design; either, if you don't say")
	cmd.Flags().Uint64Var(&o.seed, "seed", 1, "chooses the interview and its details: the same seed gives the same ones")
}

func (o *interviewOptions) check() error {
	switch {
	case !slices.Contains(threatmodel.ExerciseLevels, o.level):
		return exit.Usagef("there is no level %q: --level is one of %s", o.level, strings.Join(threatmodel.ExerciseLevels, ", "))
	case o.kind != "" && !slices.Contains(threatmodel.InterviewKinds, o.kind):
		return exit.Usagef("there is no kind %q: --kind is one of %s", o.kind, strings.Join(threatmodel.InterviewKinds, ", "))
	case o.minutes < 0 || o.minutes > 480:
		return exit.Usagef("%d minutes are no interview", o.minutes)
	}
	return nil
}

func (a *app) interviewStart() *cobra.Command {
	var o interviewOptions
	cmd := &cobra.Command{
		Use:   "start",
		Short: "Begin: the incident happens, and the candidate is told; starts a lab where none is up",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			if o.minutes == 0 {
				return exit.Usagef("0 minutes are no interview")
			}
			return a.startInterview(cmd.Context(), o)
		},
	}
	o.flags(cmd)
	cmd.Flags().IntVar(&o.minutes, "minutes", 45, "how long it may take; what is over is said, and nothing ends by itself")
	return cmd
}

func (a *app) startInterview(ctx context.Context, o interviewOptions) error {
	folder, err := a.interviews()
	if err != nil {
		return err
	}
	if _, err := folder.Current(); err == nil {
		return exit.Mend(exit.Usagef("an interview is under way"), "lab interview end"+a.dirFlag())
	} else if !errors.Is(err, interview.None) {
		return err
	}
	s := interview.Session{Level: o.level, Kind: o.kind, Seed: o.seed, Minutes: o.minutes}
	i, err := s.Interview()
	if err != nil {
		return err
	}
	if _, _, _, err := a.current(); err == nil {
		return exit.Mend(exit.Usagef("an exercise is in place"), "lab exercise stop"+a.dirFlag())
	}
	if err := a.breakableLab(ctx); err != nil {
		return err
	}
	s.ID, s.Prepared = i.ID, time.Now().UTC()
	files, err := a.breakForInterview(ctx, i)
	if err != nil {
		return err
	}
	if len(i.Attacks) > 0 {
		if s.Background, err = a.attackMeanwhile(ctx, i); err != nil {
			return err
		}
	}
	s.Started = time.Now().UTC()
	told := interview.Event{Time: s.Started, Kind: interview.Began, Text: "the candidate is told"}
	if err := errors.Join(folder.Begin(s), folder.Note(told)); err != nil {
		return err
	}
	began := toldCandidate{s.Level, i.Kind, s.Seed, s.Minutes, s.Started, i.Told, files.Folder, files.Files}
	return a.output().Print(began, func(w io.Writer) error { return a.tell(w, began) })
}

// toldCandidate is all that the candidate's verbs print of an interview: neither its name nor what it is about.
type toldCandidate struct {
	Level   string    `json:"level"`
	Kind    string    `json:"kind"`
	Seed    uint64    `json:"seed"`
	Minutes int       `json:"minutes"`
	Started time.Time `json:"started"`
	Told    string    `json:"told"`
	Folder  string    `json:"folder,omitempty"` // files that the candidate may change
	Edit    []string  `json:"edit,omitempty"`
}

func (a *app) tell(w io.Writer, c toldCandidate) error {
	lab, dir := invocation(), a.dirFlag()
	fmt.Fprintf(w, "%s, %s: %d minutes, from %s on.\n\n", c.Level, c.Kind, c.Minutes, c.Started.Local().Format("15:04"))
	for paragraph := range strings.SplitSeq(strings.TrimSpace(c.Told), "\n\n") {
		fmt.Fprintf(w, "%s\n\n", wrap(paragraph, ""))
	}
	if len(c.Edit) > 0 {
		fmt.Fprintf(w, "These files are yours to change, in %s:\n", shortened(c.Folder))
		for _, file := range c.Edit {
			fmt.Fprintf(w, "  %s\n", file)
		}
		fmt.Fprintf(w, "\n  %[1]s interview apply%[2]s    # put them in force\n  %[1]s interview check%[2]s    # is it mended?\n\n", lab, dir)
	}
	_, err := fmt.Fprintf(w, `All of lab's verbs are yours; which ones you use is noted, with their arguments and without their flags.

  %[1]s help
  %[1]s status%[2]s
  %[1]s interview status%[2]s   # what you were told, and the time that is left
  %[1]s interview end%[2]s      # the report
`, lab, dir)
	return err
}

// breakForInterview puts an exercise's breaks in force, where the interview rests on one. Status calls it "interview": the exercise's
// name would tell what is broken.
func (a *app) breakForInterview(ctx context.Context, i threatmodel.Interview) (c exercise.Copy, err error) {
	if i.Exercise == "" {
		return c, nil
	}
	e, c, err := a.underlying(i)
	if err != nil {
		return c, err
	}
	if err := os.RemoveAll(c.Folder); err != nil { // of an interview before
		return c, err
	}
	if c, err = exercise.NewCopy(c.Repo, c.Folder, e); err != nil {
		return c, err
	}
	return c, a.applyExercise(ctx, e, c)
}

// underlying is the exercise that an interview rests on, under another name, and the candidate's copy of its files.
func (a *app) underlying(i threatmodel.Interview) (e threatmodel.Exercise, c exercise.Copy, err error) {
	if i.Exercise == "" {
		return e, c, exit.Usagef("this interview has no files to change and to check: the interviewer judges it")
	}
	if e, err = a.findExercise(i.Exercise); err != nil {
		return e, c, err
	}
	e.ID = "interview"
	c, err = a.copyIn(interviewFolder, "files", e)
	return e, c, err
}
