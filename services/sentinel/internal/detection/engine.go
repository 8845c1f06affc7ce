// Package detection finds attacks in the stream of security events, by Sigma rules: single events by the Sigma rules
// specification 2, matched by a library, and correlations of them by the Sigma correlation rules specification 2.0.2
// (github.com/SigmaHQ/sigma-specification), evaluated here.
//
// What comes out depends on the events alone, not on the order in which they come, on how often, or on a clock: an event
// has its own time, and the time at which it was received moves the engine's clock. It may be late by Config.Lateness.
package detection

import (
	"container/heap"
	"context"
	"slices"
	"time"

	"redoubt.example/services/platform/event"
)

// Config bounds what the engine waits for and holds.
type Config struct {
	// Lateness is how long after its own time an event may come and still count in correlations. Each of their alerts
	// waits so long.
	Lateness time.Duration
	// Remembered is how long an event's ID is known at least. Longer than Lateness, or an event that is sent twice counts twice.
	Remembered time.Duration
	MaxIDs     int // known at once
	MaxPending int // matches that wait for what is late
	MaxGroups  int // of each correlation
}

// Defaults suit a stream of some ten thousand events a second.
func Defaults() Config {
	return Config{Lateness: 500 * time.Millisecond, Remembered: 10 * time.Second, MaxIDs: 1 << 19, MaxPending: 1 << 16, MaxGroups: 10_000}
}

// Alert says that a rule came true.
type Alert struct {
	Rule  *Rule
	First time.Time    // of the earliest event that it counts, as far as that is known
	Time  time.Time    // of the event that completed it, or when the window was over
	Event *event.Event // the one that completed it, or the last of the window
	Group []string     // of a correlation: the values of its group-by
	Count int          // of a correlation: what its condition counted, as far as that had to be counted
}

// Stats count what the engine had to do without. Each but Duplicates means that it may have missed something.
type Stats struct {
	Events     uint64
	Duplicates uint64            // events that came again, and were left out
	Late       uint64            // matches that came too late to count in correlations; their own alerts were raised
	Ahead      uint64            // events from the future: taken as of when they were received
	Forced     uint64            // matches that had to be counted before all that is late could come, for want of room
	Forgotten  uint64            // times that known IDs were dropped early, for want of room
	Failed     uint64            // rules that could not be evaluated for an event
	Evicted    map[string]uint64 // by rule: groups that had to go for others
	Ungrouped  map[string]uint64 // by rule: events without a field that they are grouped by
}

// Engine evaluates rules over a stream of events. It is for one goroutine.
type Engine struct {
	cfg     Config
	rules   *Rules
	order   []*correlator // what a correlation refers to comes before it
	known   known
	pending pending
	now     time.Time // the latest time at which an event was received
	passed  time.Time // all that is older has been counted
	stats   Stats
}

// New returns an engine for a set of rules.
func New(rules *Rules, cfg Config) *Engine {
	e := &Engine{cfg: cfg, rules: rules, known: known{keep: cfg.Remembered, limit: cfg.MaxIDs / 2, now: map[origin]struct{}{}}}
	for _, r := range rules.correlations {
		e.order = append(e.order, newCorrelator(r, cfg.MaxGroups))
	}
	return e
}

// Observe takes one event, and returns the alerts that are due. The engine keeps it: nobody may change it any more.
func (e *Engine) Observe(ctx context.Context, ev *event.Event) []Alert {
	received := ev.Observed
	if received.IsZero() {
		received = ev.Time
	}
	alerts := e.Advance(received)
	e.stats.Events++
	if e.known.again(e.now, ev) {
		e.stats.Duplicates++
		return alerts
	}
	at := ev.Time
	if at.After(received) { // it would move no clock, but wait for its time and be forgotten
		e.stats.Ahead++
		at = received
	}
	matched, failed := e.rules.matches(ctx, ev)
	e.stats.Failed += uint64(failed)
	correlated := false
	for _, r := range matched {
		if r.Alerts {
			alerts = append(alerts, Alert{Rule: r, First: at, Time: at, Event: ev})
		}
		correlated = correlated || e.rules.correlated[r]
	}
	switch {
	case !correlated:
	case at.Before(e.passed):
		e.stats.Late++
	default:
		heap.Push(&e.pending, match{at, ev, matched})
		if len(e.pending) > e.cfg.MaxPending {
			e.stats.Forced++
			alerts = append(alerts, e.pass(e.pending[0].at.Add(1))...)
		}
	}
	return alerts
}

// Advance moves the engine's clock, where no event does, and returns the alerts that are due.
func (e *Engine) Advance(now time.Time) []Alert {
	if !now.After(e.now) {
		return nil
	}
	e.now = now
	return e.pass(now.Add(-e.cfg.Lateness))
}

// pass counts all that is older than until.
func (e *Engine) pass(until time.Time) (alerts []Alert) {
	for len(e.pending) > 0 && e.pending[0].at.Before(until) {
		m := heap.Pop(&e.pending).(match)
		alerts = append(alerts, e.expire(m.at)...)
		alerts = append(alerts, e.correlate(m, 0)...)
	}
	if until.After(e.passed) {
		e.passed = until
		alerts = append(alerts, e.expire(until)...)
	}
	return alerts
}

// correlate enters a match into all correlations from a number on, and the alerts of each into those that refer to it.
func (e *Engine) correlate(m match, from int) (alerts []Alert) {
	matched := slices.Clone(m.rules)
	for _, c := range e.order[from:] {
		var hits []int
		for i, r := range c.rules {
			if slices.Contains(matched, r) {
				hits = append(hits, i)
			}
		}
		if len(hits) == 0 {
			continue
		}
		for i, g := range c.add(m.at, m.event, hits) {
			if i == 0 {
				matched = append(matched, c.rule)
			}
			alerts = c.alert(alerts, m.at, g)
		}
	}
	return alerts
}

// expire ends the groups that are over at a time, in the order in which they end.
func (e *Engine) expire(at time.Time) (alerts []Alert) {
	for {
		first, when := -1, at
		for i, c := range e.order {
			if due, ok := c.due(); ok && !due.After(when) && (first < 0 || due.Before(when)) {
				first, when = i, due
			}
		}
		if first < 0 {
			return alerts
		}
		c := e.order[first]
		if g := c.close(); g != nil {
			alerts = c.alert(alerts, when, g)
			alerts = append(alerts, e.correlate(match{when, g.last, []*Rule{c.rule}}, first+1)...)
		}
	}
}

func (c *correlator) alert(alerts []Alert, at time.Time, g *group) []Alert {
	if !c.rule.Alerts {
		return alerts
	}
	first := g.window.first()
	if first.IsZero() { // the window began with it
		first = g.begun
	}
	return append(alerts, Alert{Rule: c.rule, First: first, Time: at, Event: g.last, Group: g.values, Count: g.count})
}

// Stats returns the counts up to now.
func (e *Engine) Stats() Stats {
	s := e.stats
	s.Forgotten = e.known.early
	s.Evicted, s.Ungrouped = map[string]uint64{}, map[string]uint64{}
	for _, c := range e.order {
		if c.evicted > 0 {
			s.Evicted[c.rule.ID] = c.evicted
		}
		if c.ungrouped > 0 {
			s.Ungrouped[c.rule.ID] = c.ungrouped
		}
	}
	return s
}

// Holds returns how many groups, matches and IDs are in memory: for its metrics.
func (e *Engine) Holds() (groups, pending, ids int) {
	for _, c := range e.order {
		groups += len(c.groups)
	}
	return groups, len(e.pending), len(e.known.now) + len(e.known.older)
}
