package interview

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"redoubt.example/scripts/internal/exercise"
	"redoubt.example/scripts/internal/respond"
	"redoubt.example/services/platform/alert"
)

// Report is what is left of an interview. It has no rubric: it may be given to the candidate.
type Report struct {
	ID          string          `json:"id"`
	Title       string          `json:"title"`
	Level       string          `json:"level"`
	Kind        string          `json:"kind"`
	Seed        uint64          `json:"seed"`
	Minutes     int             `json:"minutes"`
	Started     time.Time       `json:"started"`
	Ended       time.Time       `json:"ended"`
	UsedSeconds float64         `json:"used_seconds"`
	OverSeconds float64         `json:"over_seconds"` // 0: within the time
	Timeline    []Event         `json:"timeline"`
	Alerts      map[string]int  `json:"alerts"`       // by rule, raised meanwhile
	ControlsOff []string        `json:"controls_off"` // at the end
	Checks      int             `json:"checks"`
	Grade       *exercise.Grade `json:"grade,omitempty"` // of the last check; none where a person grades
	SheetOpened bool            `json:"sheet_opened"`
}

// Seen is what the lab itself recorded.
type Seen struct {
	Alerts      []alert.Alert
	Responses   []respond.Entry
	ControlsOff []string
}

// NewReport puts the timeline together. The session has ended.
func NewReport(s Session, title, kind string, noted []Event, seen Seen) Report {
	r := Report{ID: s.ID, Title: title, Level: s.Level, Kind: kind, Seed: s.Seed, Minutes: s.Minutes, Started: s.Started, Ended: *s.Ended,
		UsedSeconds: s.Used(*s.Ended).Seconds(), OverSeconds: max(0, -s.Left(*s.Ended).Seconds()), Alerts: map[string]int{},
		ControlsOff: append([]string{}, seen.ControlsOff...), Timeline: slices.Clone(noted)}
	for _, e := range noted {
		switch e.Kind {
		case Checked:
			r.Checks++
			r.Grade = e.Grade
		case Sheet:
			r.SheetOpened = true
		}
	}
	for _, one := range seen.Alerts {
		if one.Raised.Before(s.Prepared) || one.Raised.After(*s.Ended) {
			continue
		}
		if r.Alerts[one.Rule]++; r.Alerts[one.Rule] == 1 {
			r.Timeline = append(r.Timeline, Event{Time: one.Raised, Kind: Raised, Text: one.Rule + ": " + one.Reason})
		}
	}
	for _, e := range seen.Responses {
		if e.Time.Before(s.Prepared) || e.Time.After(*s.Ended) {
			continue
		}
		r.Timeline = append(r.Timeline, Event{Time: e.Time, Kind: Answered, Text: fmt.Sprintf("%s %s: %s, by %s", e.Action, e.Target, e.State, e.By)})
	}
	r.Timeline = append(r.Timeline, Event{Time: *s.Ended, Kind: Finished, Text: "the interview ended"})
	slices.SortStableFunc(r.Timeline, func(a, b Event) int { return a.Time.Compare(b.Time) })
	return r
}

// Write prints the report as text, or as Markdown.
func (r Report) Write(w io.Writer, markdown bool) error {
	d := document{w: w, markdown: markdown}
	d.title("Interview: " + r.Title)
	d.say("Level %s, %s, seed %d. Began %s, %s of %d minutes used%s.", r.Level, r.Kind, r.Seed, r.Started.Local().Format("2006-01-02 15:04"),
		Clock(time.Duration(r.UsedSeconds*float64(time.Second))), r.Minutes, over(r.OverSeconds))
	d.heading("Found")
	switch {
	case r.Grade == nil:
		d.say("No check graded this one: the interviewer does, by the sheet's rubric.")
	case r.Grade.Passed:
		d.say("Mended: seen so first at %s, and at the end.", Clock(r.mended().Sub(r.Started)))
	default:
		d.say("Not mended; the last of %d checks failed at %s.", r.Checks, r.Grade.Failed())
	}
	if r.Grade != nil {
		for _, c := range r.Grade.Checks {
			verdict := "ok"
			if !c.Passed {
				verdict = "no"
			}
			d.item(fmt.Sprintf("%s: %s: %s", c.Name, verdict, c.Detail))
		}
	}
	if len(r.ControlsOff) > 0 {
		d.item(fmt.Sprintf("controls off at the end: %v", r.ControlsOff))
	}
	if r.SheetOpened {
		d.item("the interviewer's sheet was opened on this machine meanwhile")
	}
	d.heading("Timeline (minutes and seconds since the start)")
	d.print("\n")
	for _, e := range r.Timeline {
		mark := fmt.Sprintf("%7s  %-9s ", Clock(e.Time.Sub(r.Started)), e.Kind)
		if markdown {
			mark = fmt.Sprintf("- %s *%s* ", Clock(e.Time.Sub(r.Started)), e.Kind)
		}
		d.print("%s\n", fold(e.Text, mark, fmt.Sprintf("%19s", "")))
	}
	for _, rule := range slices.Sorted(maps.Keys(r.Alerts)) {
		d.item(fmt.Sprintf("alerts of %s: %d", rule, r.Alerts[rule]))
	}
	return d.err
}

// mended is when the first check passed after which none failed.
func (r Report) mended() (at time.Time) {
	for _, e := range slices.Backward(r.Timeline) {
		if e.Kind != Checked {
			continue
		}
		if !e.Grade.Passed {
			break
		}
		at = e.Time
	}
	return at
}

func over(seconds float64) string {
	if seconds == 0 {
		return ""
	}
	return ", " + Clock(time.Duration(seconds*float64(time.Second))) + " over"
}

// Clock writes minutes and seconds: 44:07.
func Clock(d time.Duration) string {
	sign := ""
	if d = d.Round(time.Second); d < 0 {
		sign, d = "-", -d
	}
	return fmt.Sprintf("%s%d:%02d", sign, int(d.Minutes()), int(d.Seconds())%60)
}
