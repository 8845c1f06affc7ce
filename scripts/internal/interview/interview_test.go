package interview_test

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/exercise"
	"redoubt.example/scripts/internal/interview"
	"redoubt.example/scripts/internal/respond"
	"redoubt.example/scripts/internal/term"
	"redoubt.example/services/platform/alert"
	"redoubt.example/threatmodel"
)

func TestSession(t *testing.T) {
	folder := interview.Folder(t.TempDir() + "/interview")
	_, err := folder.Current()
	require.ErrorIs(t, err, interview.None)
	began := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	s := interview.Session{Level: "staff", Seed: 7, Minutes: 45, Started: began}
	i, err := s.Interview()
	require.NoError(t, err)
	s.ID = i.ID
	require.NoError(t, folder.Begin(s))
	require.NoError(t, folder.Note(interview.Event{Time: began, Kind: interview.Verb, Text: "lab status"}))
	found, err := folder.Current()
	require.NoError(t, err)
	require.Equal(t, s, found)
	events, err := folder.Events()
	require.NoError(t, err)
	require.Len(t, events, 1)

	require.Equal(t, 5*time.Minute, s.Left(began.Add(40*time.Minute)))
	require.Equal(t, -5*time.Minute, s.Left(began.Add(50*time.Minute)))
	ended := began.Add(50 * time.Minute)
	s.Ended = &ended
	require.Equal(t, 50*time.Minute, s.Used(ended.Add(time.Hour)), "the clock stops at the end")
	require.NoError(t, folder.Write(s))
	_, err = folder.Current()
	require.ErrorIs(t, err, interview.None)
	_, err = folder.Last()
	require.NoError(t, err)

	s.ID = "another"
	_, err = s.Interview()
	require.ErrorContains(t, err, "have changed")
}

// TestSheets: every interview's sheet says that it is the answer, fits the terminal, and has all of the rubric.
func TestSheets(t *testing.T) {
	all, err := threatmodel.Interviews()
	require.NoError(t, err)
	for _, i := range all {
		sheet, err := interview.NewAnswer(i)
		require.NoError(t, err)
		require.Equal(t, i.Exercise != "", sheet.Solution != nil, i.ID)
		var text, markdown bytes.Buffer
		require.NoError(t, sheet.Write(&text, false))
		require.NoError(t, sheet.Write(&markdown, true))
		require.True(t, strings.HasPrefix(markdown.String(), "# INTERVIEWER ONLY"))
		require.Contains(t, text.String()[:200], "INTERVIEWER ONLY")
		flat := strings.Join(strings.Fields(text.String()), " ")
		for _, c := range i.Rubric {
			for _, part := range []string{c.Point, c.Strong, c.Adequate, c.Weak} {
				require.Contains(t, flat, strings.Join(strings.Fields(part), " "), i.ID)
			}
		}
		for line := range strings.Lines(text.String()) {
			require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimRight(line, "\n")), term.Width, "%s: %s", i.ID, line)
		}
	}
}

func TestReport(t *testing.T) {
	began := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	at := func(d time.Duration) time.Time { return began.Add(d) }
	ended := at(11*time.Minute + 3*time.Second)
	s := interview.Session{ID: "x", Level: "senior", Seed: 3, Minutes: 10, Prepared: at(-time.Minute), Started: began, Ended: &ended}
	failed := exercise.Grade{Checks: []exercise.Check{{Name: "build", Passed: true}, {Name: "honest", Detail: "nobody is served"}}}
	r := interview.NewReport(s, "Title", "incident",
		[]interview.Event{{Time: at(time.Minute), Kind: interview.Verb, Text: "lab alerts"}, {Time: at(9 * time.Minute), Kind: interview.Checked, Text: "not mended", Grade: &failed}},
		interview.Seen{
			Alerts: []alert.Alert{
				{Rule: "flood", Raised: at(-time.Hour), Reason: "before"},
				{Rule: "lateral_movement", Raised: at(-30 * time.Second), Reason: "first"},
				{Rule: "lateral_movement", Raised: at(90 * time.Second), Reason: "second"},
			},
			Responses: []respond.Entry{{Response: alert.Response{Time: at(2 * time.Minute), Action: "isolate-service", Target: "notification", State: "done", By: "kim"}}},
		})
	require.Equal(t, 63.0, r.OverSeconds)
	require.Equal(t, map[string]int{"lateral_movement": 2}, r.Alerts)
	require.Equal(t, 1, r.Checks)
	var kinds []string
	for _, e := range r.Timeline {
		kinds = append(kinds, e.Kind)
	}
	require.Equal(t, []string{"alert", "verb", "response", "check", "end"}, kinds, "in the order of time, each rule once")
	var out bytes.Buffer
	require.NoError(t, r.Write(&out, false))
	for _, want := range []string{"-0:30 alert lateral_movement: first", "11:03 of 10 minutes used, 1:03 over", "Not mended; the last of 1 checks failed at honest", "isolate-service notification: done, by kim", "nobody is served"} {
		require.Contains(t, strings.Join(strings.Fields(out.String()), " "), want)
	}
	require.NotContains(t, out.String(), "before")
}

// TestMendedSince: the first check after which none failed says when.
func TestMendedSince(t *testing.T) {
	began := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	ended := began.Add(10 * time.Minute)
	checked := func(minutes int, passed bool) interview.Event {
		return interview.Event{Time: began.Add(time.Duration(minutes) * time.Minute), Kind: interview.Checked, Grade: &exercise.Grade{Passed: passed}}
	}
	r := interview.NewReport(interview.Session{ID: "x", Minutes: 45, Started: began, Ended: &ended}, "Title", "incident",
		[]interview.Event{checked(1, true), checked(2, false), checked(5, true), checked(10, true)}, interview.Seen{})
	var out bytes.Buffer
	require.NoError(t, r.Write(&out, false))
	require.Contains(t, out.String(), "Mended: seen so first at 5:00, and at the end.")
}
