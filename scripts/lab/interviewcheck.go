package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"redoubt.example/scripts/internal/exercise"
	"redoubt.example/scripts/internal/interview"
	"redoubt.example/threatmodel"
)

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
			grade, err := a.checkInterview(cmd.Context(), folder, i, nil)
			if err != nil {
				return err
			}
			out := a.output()
			if err := out.Print(grade, func(w io.Writer) error { return writeGrade(w, out, grade) }); err != nil {
				return err
			}
			if failed := grade.Failed(); failed != "" {
				return fmt.Errorf("not mended yet: %s", failed)
			}
			return nil
		},
	}
}

// checkInterview grades what the candidate mended, and notes it: as the last check of an interview, where it ended at a time.
func (a *app) checkInterview(ctx context.Context, folder interview.Folder, i threatmodel.Interview, ended *time.Time) (exercise.Grade, error) {
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
	at := time.Now().UTC()
	if ended != nil {
		at, text = *ended, text+", in the check at the end"
	}
	return grade, folder.Note(interview.Event{Time: at, Kind: interview.Checked, Text: text, Grade: &grade})
}
