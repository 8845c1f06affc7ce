package alerts

import (
	"context"
	"time"

	"redoubt.example/services/platform/alert"
	"redoubt.example/services/platform/event"
	"redoubt.example/services/sentinel/internal/stream"
)

// How often one rule may speak of one subject: the first few times at once, and then once a second, with how often it was. Whoever
// can have a rule come true ten thousand times a second doesn't fill the store with it, nor hide another alert behind it.
const (
	burst       = 20
	refill      = time.Second
	maxSubjects = 10_000 // beyond, a rule speaks of nobody in particular
)

// Damper is observers whose alerts are held back where there are too many of them. It is an observer itself.
type Damper struct {
	inner    []stream.Observer
	subjects map[about]*recent
	swept    time.Time
}

// about is what alerts have in common that are one and the same, again.
type about struct {
	rule    string
	subject alert.Subject
}

// recent is what was said of it.
type recent struct {
	spent float64 // of the burst
	at    time.Time
	held  *alert.Alert // the last one that was held back; its Count is of all
}

// NewDamper returns the damper of observers, which are its own from now on.
func NewDamper(inner ...stream.Observer) *Damper {
	return &Damper{inner: inner, subjects: map[about]*recent{}}
}

var _ stream.Observer = (*Damper)(nil)

// Observe implements stream.Observer.
func (d *Damper) Observe(ctx context.Context, e *event.Event) (all []alert.Alert) {
	for _, o := range d.inner {
		for _, a := range o.Observe(ctx, e) {
			all = d.pass(all, a, e.Observed)
		}
	}
	return all
}

// Advance implements stream.Observer.
func (d *Damper) Advance(now time.Time) (all []alert.Alert) {
	for _, o := range d.inner {
		for _, a := range o.Advance(now) {
			all = d.pass(all, a, now)
		}
	}
	if now.Sub(d.swept) >= refill {
		d.swept = now
		all = d.sweep(all, now)
	}
	return all
}

// pass adds an alert to those that are raised, or holds it back.
func (d *Damper) pass(all []alert.Alert, a alert.Alert, now time.Time) []alert.Alert {
	key := about{a.Rule, a.Subject}
	key.subject.RequestID = ""
	r := d.subjects[key]
	if r == nil && len(d.subjects) >= maxSubjects {
		key.subject = alert.Subject{}
		r = d.subjects[key]
	}
	if r == nil {
		r = &recent{at: now}
		d.subjects[key] = r
	}
	r.recover(now)
	if held := r.held; held != nil {
		a.Count += held.Count
		a.First = held.First
	}
	if r.spent+1 > burst {
		r.held = &a
		return all
	}
	r.spent++
	r.held = nil
	return append(all, a)
}

func (r *recent) recover(now time.Time) {
	if passed := now.Sub(r.at); passed > 0 {
		r.spent = max(0, r.spent-passed.Seconds()/refill.Seconds())
		r.at = now
	}
}

// sweep raises what was held back and may be said now, and forgets what was long ago.
func (d *Damper) sweep(all []alert.Alert, now time.Time) []alert.Alert {
	for key, r := range d.subjects {
		r.recover(now)
		if r.held != nil && r.spent+1 <= burst {
			all = append(all, *r.held)
			r.held = nil
			r.spent++
		}
		if r.held == nil && r.spent == 0 {
			delete(d.subjects, key)
		}
	}
	return all
}
