package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"redoubt.example/scripts/internal/exercise"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/interview"
	"redoubt.example/services/platform/alert"
	"redoubt.example/threatmodel"
)

func (a *app) interviewStatus() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "What the candidate was told, and the time that is left",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, s, i, err := a.interviewing()
			if err != nil {
				return err
			}
			status := struct {
				toldCandidate
				UsedSeconds float64 `json:"used_seconds"`
				LeftSeconds float64 `json:"left_seconds"` // negative: over
			}{toldCandidate: toldCandidate{Level: s.Level, Kind: i.Kind, Seed: s.Seed, Minutes: s.Minutes, Started: s.Started, Told: i.Told}}
			now := time.Now()
			status.UsedSeconds, status.LeftSeconds = s.Used(now).Seconds(), s.Left(now).Seconds()
			if i.Exercise != "" {
				_, c, err := a.underlying(i)
				if err != nil {
					return err
				}
				status.Folder, status.Edit = c.Folder, c.Files
			}
			return a.output().Print(status, func(w io.Writer) error {
				if err := a.tell(w, status.toldCandidate); err != nil {
					return err
				}
				_, err := fmt.Fprintf(w, "\n%s\n", clock(s, now))
				return err
			})
		},
	}
}

func clock(s interview.Session, now time.Time) string {
	if left := s.Left(now); left < 0 {
		return fmt.Sprintf("TIME IS UP: %s over %d minutes", interview.Clock(-left), s.Minutes)
	}
	return fmt.Sprintf("%s of %d minutes used, %s left", interview.Clock(s.Used(now)), s.Minutes, interview.Clock(s.Left(now)))
}

func (a *app) interviewApply() *cobra.Command {
	return &cobra.Command{
		Use:   "apply",
		Short: "Put the candidate's files in force, without checking anything",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, _, i, err := a.interviewing()
			if err != nil {
				return err
			}
			if i.Exercise == "" {
				return exit.Usagef("this interview has no files to change")
			}
			e, c, err := a.underlying(i)
			if err != nil {
				return err
			}
			return a.applyExercise(cmd.Context(), e, c)
		},
	}
}

func (a *app) interviewCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Is it mended? Attacks it, uses it honestly, and measures what it costs",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			folder, _, i, err := a.interviewing()
			if err != nil {
				return err
			}
			if i.Exercise == "" {
				return exit.Usagef("there is nothing to check: this one is judged by the interviewer")
			}
			grade, err := a.checkInterview(cmd.Context(), folder, i)
			if err != nil {
				return err
			}
			out := a.output()
			if err := out.Print(grade, func(w io.Writer) error {
				grade.Passed = false // there are no points here
				return writeGrade(w, out, grade, exercise.Entry{})
			}); err != nil {
				return err
			}
			if failed := grade.Failed(); failed != "" {
				return fmt.Errorf("not mended yet: %s", failed)
			}
			return nil
		},
	}
}

func (a *app) checkInterview(ctx context.Context, folder interview.Folder, i threatmodel.Interview) (exercise.Grade, error) {
	e, c, err := a.underlying(i)
	if err != nil {
		return exercise.Grade{}, err
	}
	grade, err := a.grade(ctx, e, c)
	if err != nil {
		return grade, err
	}
	text := "mended"
	if failed := grade.Failed(); failed != "" {
		text = "not mended: it fails at " + failed
	}
	return grade, folder.Note(interview.Event{Time: time.Now().UTC(), Kind: interview.Checked, Text: text, Grade: &grade})
}

func (a *app) interviewEnd() *cobra.Command {
	var markdown string
	cmd := &cobra.Command{
		Use:   "end",
		Short: "End it: a last check, the report with its timeline, and the lab as it was",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.endInterview(cmd.Context())
			if err != nil {
				return err
			}
			if markdown != "" {
				if err := writeFile(markdown, func(w io.Writer) error { return r.Write(w, true) }); err != nil {
					return err
				}
			}
			return a.output().Print(r, func(w io.Writer) error { return r.Write(w, false) })
		},
	}
	cmd.Flags().StringVar(&markdown, "markdown", "", "write the report as Markdown to this file, too")
	return cmd
}

func (a *app) endInterview(ctx context.Context) (r interview.Report, err error) {
	folder, s, i, err := a.interviewing()
	if err != nil {
		return r, err
	}
	now := time.Now().UTC() // the last check isn't the candidate's time
	if err := endBackground(s); err != nil {
		return r, err
	}
	_, _, err = a.running()
	up := err == nil
	if up && i.Exercise != "" {
		if _, err := a.checkInterview(ctx, folder, i); err != nil {
			return r, err
		}
	}
	seen := interview.Seen{}
	if up {
		if seen, err = a.seen(ctx); err != nil {
			return r, err
		}
		if i.Exercise != "" {
			if err := a.restore(ctx); err != nil {
				return r, err
			}
		}
	}
	noted, err := folder.Events()
	if err != nil {
		return r, err
	}
	s.Ended, s.Background = &now, 0
	r = interview.NewReport(s, i.Title, i.Kind, noted, seen)
	name := filepath.Join(string(folder), "report-"+s.Started.Format("20060102-150405")+".md")
	return r, errors.Join(folder.Write(s), writeFile(name, func(w io.Writer) error { return r.Write(w, true) }))
}

// seen is what the lab recorded itself. Without sentinel there are no alerts in the report, and no harm done.
func (a *app) seen(ctx context.Context) (seen interview.Seen, err error) {
	client, _, err := a.running()
	if err != nil {
		return seen, err
	}
	status, err := client.Status(ctx)
	if err != nil {
		return seen, err
	}
	seen.ControlsOff = status.ControlsOff
	if seen.Alerts, err = client.Sentinel().Alerts(ctx, alert.Query{}); err != nil {
		fmt.Fprintf(os.Stderr, "the report has no alerts: %v\n", a.asked(err))
	}
	all, err := client.Responses(ctx)
	seen.Responses = all.Responses
	return seen, err
}

// noteVerb puts a verb into the timeline of the interview that is under way, if one is. Flags are left out.
func (a *app) noteVerb(path string, args []string) {
	verb := strings.TrimPrefix(path, "lab ")
	kind := interview.Verb
	switch {
	case verb == "interview sheet":
		kind = interview.Sheet
	case strings.HasPrefix(verb, "interview") && verb != "interview apply", strings.HasPrefix(verb, detachedVerb):
		return
	}
	folder, err := a.interviews()
	if err != nil {
		return
	}
	if _, err := folder.Current(); err != nil {
		return
	}
	// A timeline with a gap is better than a verb that fails.
	_ = folder.Note(interview.Event{Time: time.Now().UTC(), Kind: kind, Text: strings.Join(append([]string{"lab", verb}, args...), " ")})
}
