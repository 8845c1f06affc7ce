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

	"redoubt.example/scripts/internal/interview"
	"redoubt.example/scripts/internal/page"
	"redoubt.example/services/platform/alert"
)

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
		if _, err := a.checkInterview(ctx, folder, i, &now); err != nil {
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
	if os.Getenv(page.Drawn) != "" {
		return // a view of the page was drawn with it
	}
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
