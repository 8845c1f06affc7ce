package respond

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"redoubt.example/services/platform/alert"
	"redoubt.example/threatmodel"
)

// actWithin bounds one action. Isolating takes the longest, below two seconds.
const actWithin = 10 * time.Second

// do has an entry done. What it is about to do is in the journal before it is begun, so that a successor can undo it.
func (e *Engine) do(ctx context.Context, r threatmodel.Runbook, entry *Entry) error {
	e.change(entry, func(x *Entry) {
		x.State, x.Done = doing, e.cfg.Now()
		if r.Guard.Expires > 0 && threatmodel.Actions[x.Action].Lasts {
			x.Expires = x.Done.Add(r.Guard.Expires)
		}
	})
	if err := e.journal.write(line{Entry: entry}); err != nil {
		e.change(entry, func(x *Entry) { x.State, x.Reason, x.Done = Failed, "the journal can't be written", time.Time{} })
		return err
	}
	return e.carryOut(ctx, entry)
}

// carryOut does what is in the journal.
func (e *Engine) carryOut(ctx context.Context, entry *Entry) error {
	ctx, cancel := context.WithTimeout(ctx, actWithin)
	defer cancel()
	err := e.cfg.Actions.Do(ctx, entry.action())
	if err == nil && entry.State == Done {
		return nil // done once more
	}
	e.change(entry, func(x *Entry) {
		x.State, x.Time, x.Reason = Done, e.cfg.Now(), ""
		if err != nil {
			x.State, x.Reason = Failed, err.Error()
		}
	})
	if err != nil {
		e.cfg.Log.Error("response failed", "id", entry.ID, "action", entry.Action, "target", entry.Target, "error", err.Error())
	} else {
		e.cfg.Log.Warn("response", "id", entry.ID, "action", entry.Action, "target", entry.Target, "by", entry.By, "alert", entry.Alert)
	}
	return e.enter(entry)
}

func (e *Engine) change(entry *Entry, f func(*Entry)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f(entry)
}

// Approve has a proposal done, by somebody. What is never done isn't done then either.
func (e *Engine) Approve(ctx context.Context, id, by string) (Entry, error) {
	e.turn.Lock()
	defer e.turn.Unlock()
	entry, err := e.find(id)
	if err != nil {
		return Entry{}, err
	}
	r := e.runbook(entry.Runbook)
	e.mu.Lock()
	state, reason := entry.State, e.never(r, entry.Action, entry.Target)
	if reason == "" {
		reason = e.full(r, entry.Action)
	}
	e.mu.Unlock()
	switch {
	case state != Proposed:
		return *entry, refusal("%s is %s, and waits for nobody's approval", id, state)
	case reason != "":
		return *entry, refusal("%s: %s", id, reason)
	}
	e.change(entry, func(x *Entry) { x.By, x.Auto = cut(by), false })
	err = e.do(ctx, r, entry)
	if err == nil && entry.State == Failed {
		err = fmt.Errorf("%s: %s", id, entry.Reason)
	}
	return *entry, err
}

// Order does what no alert has asked for, by somebody. The guards that nobody gets past hold for him, too.
func (e *Engine) Order(ctx context.Context, kind, to, by string, lasting time.Duration) (Entry, error) {
	e.turn.Lock()
	defer e.turn.Unlock()
	r := threatmodel.Runbook{ID: manual, Guard: threatmodel.Guard{AtOnce: mostOpen, Expires: lasting}}
	if threatmodel.Actions[kind].Lasts && (lasting < time.Second || lasting > longest) {
		return Entry{}, refusal("say for how long: 1s to %s", short(longest))
	}
	e.mu.Lock()
	reason := e.never(r, kind, to)
	switch {
	case reason == "" && e.settled(kind, to, e.cfg.Now()):
		reason = "that is in force, or proposed, already: `lab respond list`"
	case reason == "":
		reason = e.full(r, kind)
	}
	if reason != "" {
		e.mu.Unlock()
		return Entry{}, refusal("%s %s: %s", kind, to, reason)
	}
	entry := &Entry{Why: "an order", Response: alert.Response{Runbook: manual, Action: kind, Target: to, By: cut(by), Time: e.cfg.Now()}}
	entry.State = doing
	e.number(entry)
	e.mu.Unlock()
	err := e.do(ctx, r, entry)
	if err == nil && entry.State == Failed {
		err = fmt.Errorf("%s: %s", entry.ID, entry.Reason)
	}
	return *entry, err
}

// manual is the runbook of what somebody orders himself; longest is for how long he may.
const (
	manual  = "manual"
	longest = 24 * time.Hour
)

// Undo takes back what was done, or a proposal, by somebody.
func (e *Engine) Undo(ctx context.Context, id, by string) (Entry, error) {
	e.turn.Lock()
	defer e.turn.Unlock()
	entry, err := e.find(id)
	if err != nil {
		return Entry{}, err
	}
	e.mu.Lock()
	inForce, state := entry.inForce(), entry.State
	e.mu.Unlock()
	switch {
	case !inForce && state != Proposed && state != Failed:
		why := "it is " + state
		if state == Done {
			why = "it doesn't last: " + e.runbook(entry.Runbook).Rollback
		}
		return *entry, refusal("%s: there is nothing to undo: %s", id, why)
	case inForce:
		if err := e.takeBack(ctx, entry); err != nil {
			return *entry, err
		}
	}
	e.change(entry, func(x *Entry) { x.State, x.By, x.Time, x.Reason = Undone, cut(by), e.cfg.Now(), "" })
	e.cfg.Log.Warn("response undone", "id", entry.ID, "action", entry.Action, "target", entry.Target, "by", by)
	return *entry, e.enter(entry)
}

func (e *Engine) takeBack(ctx context.Context, entry *Entry) error {
	ctx, cancel := context.WithTimeout(ctx, orderWithin)
	defer cancel()
	if err := e.cfg.Actions.Undo(ctx, entry.action()); err != nil {
		return fmt.Errorf("undo %s of %s: %w", entry.Action, entry.Target, err)
	}
	return nil
}

// orderWithin bounds undoing: a service that is let in again has to get its documents and certificates.
const orderWithin = time.Minute

// Tick ends what is over, and tries again what failed. Call it every second or so.
func (e *Engine) Tick(ctx context.Context) error {
	e.turn.Lock()
	defer e.turn.Unlock()
	var errs []error
	now := e.cfg.Now()
	for _, entry := range e.snapshot() {
		errs = append(errs, e.tick(ctx, entry, now))
	}
	return errors.Join(errs...)
}

func (e *Engine) snapshot() []*Entry {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.entries)
}

func (e *Engine) tick(ctx context.Context, entry *Entry, now time.Time) error {
	switch over := entry.inForce() && !now.Before(entry.Expires); {
	case entry.State == Proposed && now.Sub(entry.Time) >= proposalLife:
		return e.expire(entry, "nobody approved it")
	case over:
		if err := e.takeBack(ctx, entry); err != nil {
			return err // at the next tick
		}
		return e.expire(entry, "")
	case entry.State == Failed && !entry.Done.IsZero() && entry.inForce() && now.Sub(entry.Time) >= retryAfter:
		return e.carryOut(ctx, entry)
	}
	return nil
}

// retryAfter is the pause before what failed is tried again.
const retryAfter = 2 * time.Second

func (e *Engine) expire(entry *Entry, reason string) error {
	e.change(entry, func(x *Entry) { x.State, x.Time, x.Reason = Expired, e.cfg.Now(), reason })
	return e.enter(entry)
}

// Resume does again what the journal says is in force: whom it was done to may have been restarted meanwhile, and what a
// predecessor had begun may be half done.
func (e *Engine) Resume(ctx context.Context) error {
	e.turn.Lock()
	defer e.turn.Unlock()
	var errs []error
	for _, entry := range e.snapshot() {
		if entry.inForce() && e.cfg.Now().Before(entry.Expires) {
			errs = append(errs, e.carryOut(ctx, entry))
		}
	}
	return errors.Join(errs...)
}

func (e *Engine) find(id string) (*Entry, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	i := slices.IndexFunc(e.entries, func(x *Entry) bool { return x.ID == id })
	if i < 0 {
		return nil, refusal("there is no response %q", id)
	}
	return e.entries[i], nil
}
