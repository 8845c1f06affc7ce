package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"redoubt.example/scripts/internal/interview"
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
