// Package interview keeps what an interview on a running lab needs: which one it is, when it began, what was done meanwhile, and the
// two texts that come of it, the interviewer's sheet and the report.
package interview

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"redoubt.example/scripts/internal/exercise"
	"redoubt.example/threatmodel"
)

// Session is an interview that is under way. Its file names the interview and no more: whoever finds it hasn't found the sheet.
type Session struct {
	ID         string     `json:"id"`
	Level      string     `json:"level"`
	Kind       string     `json:"kind,omitempty"` // that was asked for
	Seed       uint64     `json:"seed"`
	Minutes    int        `json:"minutes"`
	Prepared   time.Time  `json:"prepared"`             // since when what the lab records belongs to it
	Started    time.Time  `json:"started"`              // since when the candidate's time runs
	Background int        `json:"background,omitempty"` // pid of what attacks meanwhile
	Ended      *time.Time `json:"ended,omitempty"`
}

// Event is a line of the timeline.
type Event struct {
	Time time.Time `json:"time"`
	Kind string    `json:"kind"`
	Text string    `json:"text"`
	// Grade is a check's, where it is one.
	Grade *exercise.Grade `json:"grade,omitempty"`
}

// The kinds of events.
const (
	Began    = "start"
	Verb     = "verb"     // somebody used lab
	Sheet    = "sheet"    // the answer was opened
	Checked  = "check"    // of the exercise
	Raised   = "alert"    // the first of a rule
	Answered = "response" // something was proposed, done or undone
	Finished = "end"
)

// None is the error where no interview is under way.
var None = errors.New("no interview is under way")

// Folder is where a lab's interviews are kept. It outlives the lab.
type Folder string

func (f Folder) session() string  { return filepath.Join(string(f), "session.json") }
func (f Folder) timeline() string { return filepath.Join(string(f), "timeline.jsonl") }

// Begin notes a session, with an empty timeline.
func (f Folder) Begin(s Session) error {
	if err := os.MkdirAll(string(f), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(f.timeline(), nil, 0o600); err != nil {
		return err
	}
	return f.Write(s)
}

// Write replaces the session.
func (f Folder) Write(s Session) error {
	raw, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	next := f.session() + ".next"
	if err := os.WriteFile(next, append(raw, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(next, f.session())
}

// Last returns the session that is under way or ended last; None if there never was one.
func (f Folder) Last() (s Session, err error) {
	raw, err := os.ReadFile(f.session())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s, None
	case err != nil:
		return s, err
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return s, fmt.Errorf("%s isn't a session: %w", f.session(), err)
	}
	return s, nil
}

// Current is Last for one that hasn't ended.
func (f Folder) Current() (Session, error) {
	s, err := f.Last()
	if err == nil && s.Ended != nil {
		err = None
	}
	return s, err
}

// Note appends to the timeline.
func (f Folder) Note(e Event) (err error) {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(f.timeline(), os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	_, err = file.Write(append(line, '\n'))
	return err
}

// Events reads the timeline, oldest first.
func (f Folder) Events() (all []Event, err error) {
	file, err := os.Open(f.timeline())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	for decoder := json.NewDecoder(file); decoder.More(); {
		var e Event
		if err := decoder.Decode(&e); err != nil {
			return all, fmt.Errorf("%s: %w", f.timeline(), err)
		}
		all = append(all, e)
	}
	return all, nil
}

// Interview is the one that the session is about, with its details.
func (s Session) Interview() (threatmodel.Interview, error) {
	all, err := threatmodel.Interviews()
	if err != nil {
		return threatmodel.Interview{}, err
	}
	i, err := threatmodel.ChooseInterview(all, s.Level, s.Kind, s.Seed)
	if err == nil && s.ID != "" && i.ID != s.ID {
		err = fmt.Errorf("the interviews have changed since this one began: seed %d was %s, and is %s", s.Seed, s.ID, i.ID)
	}
	return i, err
}

// Used is how long it has taken, or took.
func (s Session) Used(now time.Time) time.Duration {
	if s.Ended != nil {
		now = *s.Ended
	}
	return now.Sub(s.Started)
}

// Left is what is left of the time; negative when it is over.
func (s Session) Left(now time.Time) time.Duration {
	return time.Duration(s.Minutes)*time.Minute - s.Used(now)
}
