package exercise

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"redoubt.example/threatmodel"
)

// State is how far somebody is with an exercise.
type State string

// The states.
const (
	Open    State = "open"
	Started State = "started"
	Solved  State = "solved"
)

// What an exercise is worth, and what a hint takes from that. Whoever has seen the solution gets nothing.
const (
	fullPoints = 100
	hintCosts  = 25
)

// Entry is one exercise in somebody's progress.
type Entry struct {
	State    State      `json:"state"`
	Hints    int        `json:"hints"` // that were shown
	Solution bool       `json:"solution,omitempty"`
	Checks   int        `json:"checks"`
	Started  *time.Time `json:"started,omitempty"`
	Solved   *time.Time `json:"solved,omitempty"`
	Points   int        `json:"points"` // got; 0 until it is solved
}

// Worth is what solving it would bring now.
func (e Entry) Worth() int {
	if e.Solution {
		return 0
	}
	return fullPoints - e.Hints*hintCosts
}

// Progress is kept in a file, which outlives the lab.
type Progress struct {
	Current   string           `json:"current,omitempty"` // that is in place; "": none
	Exercises map[string]Entry `json:"exercises"`

	file string
}

// ReadProgress reads it from a folder. None yet is no error.
func ReadProgress(folder string) (*Progress, error) {
	p := &Progress{file: filepath.Join(folder, "progress.json")}
	raw, err := os.ReadFile(p.file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	default:
		if err := json.Unmarshal(raw, p); err != nil {
			return nil, fmt.Errorf("%s isn't a progress file: %w", p.file, err)
		}
	}
	if p.Exercises == nil {
		p.Exercises = map[string]Entry{}
	}
	return p, nil
}

// Of is an exercise's entry.
func (p *Progress) Of(id string) Entry {
	if e, ok := p.Exercises[id]; ok {
		return e
	}
	return Entry{State: Open}
}

// Begin notes that an exercise is in place.
func (p *Progress) Begin(id string, now time.Time) error {
	e := p.Of(id)
	if e.State == Open {
		e.State, e.Started = Started, &now
	}
	p.Current, p.Exercises[id] = id, e
	return p.write()
}

// End notes that none is in place.
func (p *Progress) End() error {
	p.Current = ""
	return p.write()
}

// Hint returns the next hint of an exercise and its number, from 1. After the last one it stays with that, for nothing.
func (p *Progress) Hint(x threatmodel.Exercise) (text string, number int, err error) {
	e := p.Of(x.ID)
	if e.Hints < len(x.Hints) && e.State != Solved {
		e.Hints++
		p.Exercises[x.ID] = e
		err = p.write()
	}
	number = max(1, e.Hints)
	return x.Hints[number-1], number, err
}

// Reveal notes that the solution was shown. What is solved stays solved.
func (p *Progress) Reveal(id string) error {
	e := p.Of(id)
	if e.State == Solved {
		return nil
	}
	e.Solution = true
	p.Exercises[id] = e
	return p.write()
}

// Checked notes how a check ended.
func (p *Progress) Checked(id string, passed bool, now time.Time) (Entry, error) {
	e := p.Of(id)
	e.Checks++
	if passed && e.State != Solved {
		e.State, e.Solved, e.Points = Solved, &now, e.Worth()
	}
	p.Exercises[id] = e
	return e, p.write()
}

func (p *Progress) write() error {
	raw, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(p.file), 0o755); err != nil {
		return err
	}
	next := p.file + ".next"
	if err := os.WriteFile(next, append(raw, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(next, p.file)
}
