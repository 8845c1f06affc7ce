// Package respond answers sentinel's alerts by the runbooks of threatmodel/runbooks: it decides what is done, proposed or refused,
// has it done, and undoes it when its time is over or somebody says so. It runs with the operator, who has the rights; sentinel
// has none. So whatever alerts come, and whoever has written them, what happens is bounded by the guards here.
package respond

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"redoubt.example/services/platform/alert"
	"redoubt.example/threatmodel"
)

// The states of a response, as alert.Response has them.
const (
	Proposed = "proposed" // waits for approval
	Done     = "done"     // in force, or where nothing lasts, done
	Refused  = "refused"  // by a guard
	Undone   = "undone"   // by a person
	Expired  = "expired"  // its time is over: undone, or as a proposal never done
	Failed   = "failed"   // tried and not, or only in part, done; it is tried again
	doing    = "doing"    // in the journal alone: begun
)

// auto is By of what no person has approved.
const auto = "auto"

// Action is one thing that is done to one target; see threatmodel.Actions.
type Action struct {
	Kind   string
	Target string
	Until  time.Time // zero: it doesn't last
}

// Actions do what the engine decides. Both may be told twice: what is done already is done again without harm, and so is undoing.
type Actions interface {
	Do(ctx context.Context, a Action) error
	Undo(ctx context.Context, a Action) error
}

// Config is what an engine needs.
type Config struct {
	Playbook   threatmodel.Playbook
	Detections []threatmodel.Detection // what is known of the rules; what an alert says of its own level and threats isn't asked
	Actions    Actions
	Journal    string           // the file; "": none is kept
	Run        string           // names what the journal is about: that of another run isn't read
	Most       threatmodel.Mode // no runbook goes further, until somebody sets its mode
	Services   []string         // those that there are
	Shared     []netip.Prefix   // addresses of many honest users: the lab's own, trusted proxies
	Staff      []string         // principals, as alerts name them, that only a person acts on
	Now        func() time.Time // nil: time.Now
	Log        *slog.Logger     // nil: none
}

// Entry is one response, and what has to be known of it later.
type Entry struct {
	alert.Response
	Rule string    `json:"rule"`
	Why  string    `json:"why"`           // the alert's reason, for the person who approves
	Done time.Time `json:"done,omitzero"` // when it was done first
	Auto bool      `json:"auto,omitempty"`
}

func (e *Entry) action() Action { return Action{Kind: e.Action, Target: e.Target, Until: e.Expires} }

// inForce tells whether it is, or may be in part.
func (e *Entry) inForce() bool {
	return threatmodel.Actions[e.Action].Lasts && (e.State == Done || e.State == Failed && !e.Done.IsZero() || e.State == doing)
}

// Engine decides and acts. Safe for concurrent use; it acts on one thing at a time.
type Engine struct {
	cfg     Config
	journal *journal

	turn   sync.Mutex // held while it decides and acts
	report func(alert.Response)

	mu      sync.Mutex // guards what follows
	entries []*Entry   // oldest first
	modes   map[string]threatmodel.Mode
	seq     int64 // of the last alert that was taken
	last    int   // number given to a response
}

// New reads the journal, and returns an engine that knows what was done before. It has done nothing yet: see Resume.
func New(cfg Config) (*Engine, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if !slices.Contains(threatmodel.Modes, cfg.Most) {
		return nil, fmt.Errorf("respond: there is no mode %q: off, propose or auto", cfg.Most)
	}
	e := &Engine{cfg: cfg, report: func(alert.Response) {}, modes: map[string]threatmodel.Mode{}}
	for _, r := range cfg.Playbook.Runbooks {
		e.modes[r.ID] = lesser(r.Mode, cfg.Most)
	}
	var err error
	if e.journal, err = openJournal(cfg.Journal, cfg.Run, e.replay); err != nil {
		return nil, fmt.Errorf("respond: %w", err)
	}
	return e, nil
}

func lesser(a, b threatmodel.Mode) threatmodel.Mode {
	if slices.Index(threatmodel.Modes, a) < slices.Index(threatmodel.Modes, b) {
		return a
	}
	return b
}

// OnChange has f told of every change from now on, in order. f doesn't block.
func (e *Engine) OnChange(f func(alert.Response)) {
	e.turn.Lock()
	defer e.turn.Unlock()
	e.report = f
}

// Seq is the last alert's that was taken.
func (e *Engine) Seq() int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.seq
}

// List returns all responses that are known, newest first.
func (e *Engine) List() []Entry {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := make([]Entry, 0, len(e.entries))
	for _, x := range slices.Backward(e.entries) {
		all = append(all, *x)
	}
	return all
}

// Modes returns each runbook's.
func (e *Engine) Modes() map[string]threatmodel.Mode {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := map[string]threatmodel.Mode{}
	for id, m := range e.modes {
		now[id] = m
	}
	return now
}

// ErrInput is the error of an order that names what there isn't, or asks for what a guard never allows.
type ErrInput struct{ text string }

func (e *ErrInput) Error() string { return e.text }

func refusal(format string, args ...any) error { return &ErrInput{fmt.Sprintf(format, args...)} }

// SetMode has a runbook go so far from now on, whatever the lab was started with.
func (e *Engine) SetMode(runbook string, mode threatmodel.Mode) error {
	e.turn.Lock()
	defer e.turn.Unlock()
	if !slices.Contains(threatmodel.Modes, mode) {
		return refusal("a mode is off, propose or auto, not %q", mode)
	}
	e.mu.Lock()
	_, known := e.modes[runbook]
	e.mu.Unlock()
	if !known {
		return refusal("there is no runbook %q", runbook)
	}
	if err := e.journal.write(line{Runbook: runbook, Mode: mode}); err != nil {
		return err
	}
	e.mu.Lock()
	e.modes[runbook] = mode
	e.mu.Unlock()
	return nil
}

func (e *Engine) runbook(id string) threatmodel.Runbook {
	for _, r := range e.cfg.Playbook.Runbooks {
		if r.ID == id {
			return r
		}
	}
	return threatmodel.Runbook{}
}
