package respond

import (
	"context"
	"fmt"
	"slices"
	"time"

	"redoubt.example/services/platform/alert"
	"redoubt.example/threatmodel"
)

// Take answers one alert: it acts, proposes, refuses, or finds that there is nothing to do. An alert that comes again does nothing.
// The error is the journal's: without it nothing is done.
func (e *Engine) Take(ctx context.Context, a alert.Alert) error {
	e.turn.Lock()
	defer e.turn.Unlock()
	e.mu.Lock()
	known := a.Seq <= e.seq
	e.mu.Unlock()
	if known {
		return nil
	}
	if err := e.journal.write(line{Seq: a.Seq}); err != nil {
		return err
	}
	e.mu.Lock()
	e.seq = a.Seq
	e.mu.Unlock()
	i := slices.IndexFunc(e.cfg.Detections, func(d threatmodel.Detection) bool { return d.Name == a.Rule })
	if i < 0 {
		return nil // anomalies, and rules that we don't know, are for people
	}
	for _, r := range e.cfg.Playbook.Answers(e.cfg.Detections[i]) {
		for _, step := range r.Steps {
			if to := Target(step, a.Subject); to != "" {
				if err := e.answer(ctx, r, step.Action, to, a); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// answer decides about one action.
func (e *Engine) answer(ctx context.Context, r threatmodel.Runbook, kind, to string, a alert.Alert) error {
	now := e.cfg.Now()
	e.mu.Lock()
	mode := e.modes[r.ID]
	entry := &Entry{Rule: a.Rule, Why: cut(a.Reason), Response: alert.Response{Alert: cut(a.ID), Runbook: r.ID, Action: kind, Target: cut(to), By: auto, Time: now}}
	settled := mode == threatmodel.Off || e.settled(kind, to, a.Time) || e.seen(entry)
	if !settled {
		entry.State, entry.Reason = e.decide(r, kind, to, mode, a, now)
		settled = entry.State == Refused && e.told(entry, now) || entry.State != doing && e.crowded(entry, now)
	}
	if settled {
		e.mu.Unlock()
		return nil
	}
	e.number(entry)
	e.mu.Unlock()
	if entry.State == doing {
		entry.Auto = true
		return e.do(ctx, r, entry)
	}
	if entry.State == Refused {
		e.record(entry, a)
	}
	return e.enter(entry)
}

// decide returns the state that an action begins with, and why. The caller holds mu.
func (e *Engine) decide(r threatmodel.Runbook, kind, to string, mode threatmodel.Mode, a alert.Alert, now time.Time) (state, reason string) {
	if reason := e.never(r, kind, to); reason != "" {
		return Refused, reason
	}
	if a.Count < r.Guard.Evidence {
		return Refused, fmt.Sprintf("%d of %d events that it takes", a.Count, r.Guard.Evidence)
	}
	if mode == threatmodel.Propose {
		return Proposed, "the runbook proposes"
	}
	if reason := e.hesitates(r, kind, to, a, now); reason != "" {
		return Proposed, reason
	}
	return doing, ""
}

// settled tells whether the same is proposed or in force, or was in force at the given time: what an isolated service is refused looks
// like lateral movement, and its alert may come when the service is back. The caller holds mu.
func (e *Engine) settled(kind, to string, at time.Time) bool {
	return slices.ContainsFunc(e.entries, func(x *Entry) bool {
		over := (x.State == Undone || x.State == Expired) && !x.Done.IsZero()
		return x.Action == kind && x.Target == to && (x.inForce() || x.State == Proposed || over && at.After(x.Done) && at.Before(x.Time))
	})
}

// seen tells whether the same alert has been answered with the same, whatever became of it. The caller holds mu.
func (e *Engine) seen(entry *Entry) bool {
	return entry.Alert != "" && slices.ContainsFunc(e.entries, func(x *Entry) bool {
		return x.Alert == entry.Alert && x.Action == entry.Action && x.Target == entry.Target
	})
}

// told tells whether the same was refused for the same reason a moment ago. The caller holds mu.
func (e *Engine) told(entry *Entry, now time.Time) bool {
	return slices.ContainsFunc(e.entries, func(x *Entry) bool {
		return x.State == Refused && x.Action == entry.Action && x.Target == entry.Target && x.Reason == entry.Reason && now.Sub(x.Time) < quiet
	})
}

// number gives an entry its ID, and makes room for it. The caller holds mu.
func (e *Engine) number(entry *Entry) {
	e.last++
	entry.ID = fmt.Sprintf("r%d", e.last)
	if n := len(e.entries) - remembered; n >= 0 {
		i := slices.IndexFunc(e.entries, func(x *Entry) bool { return !x.inForce() && x.State != Proposed })
		if i >= 0 {
			e.entries = slices.Delete(e.entries, i, i+1)
		}
	}
	e.entries = append(e.entries, entry)
}

// enter writes an entry's state down and tells of it.
func (e *Engine) enter(entry *Entry) error {
	e.mu.Lock()
	now := *entry
	e.mu.Unlock()
	if err := e.journal.write(line{Entry: &now}); err != nil {
		return err
	}
	e.report(now.Response)
	return nil
}

// maxText bounds what of an alert is kept: sentinel may be in somebody else's hands.
const maxText = 512

func cut(text string) string {
	if len(text) > maxText {
		return text[:maxText]
	}
	return text
}
