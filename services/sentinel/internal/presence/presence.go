// Package presence knows which workloads ought to report, when each did so last, and how many events each had to drop.
//
// A workload says every few seconds that it is there (package ship). One that doesn't any more was killed, can't get through, or
// belongs to somebody who doesn't want it to be heard.
package presence

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"redoubt.example/services/platform/alert"
	"redoubt.example/services/platform/event"
)

// Silent is the rule's name, as alerts have it.
const Silent = "workload_silent"

// Config is what is expected.
type Config struct {
	Workloads []string      // that ought to report
	Operator  string        // who says what is held down on purpose
	Silence   time.Duration // without a word, after which one is silent
	Grace     time.Duration // from the start: by then each has been heard
}

// Watch observes the stream in one goroutine. Its lists are for any.
type Watch struct {
	cfg   Config
	mu    sync.Mutex
	began time.Time
	last  map[string]time.Time // by workload: when it was heard
	down  map[string]bool      // held down, or cut off, on purpose
	said  map[string]bool      // whose silence was told
	lost  map[string]uint64
}

// New returns a watch that begins at the first moment that it is told.
func New(cfg Config) *Watch {
	return &Watch{cfg: cfg, last: map[string]time.Time{}, down: map[string]bool{}, said: map[string]bool{}, lost: map[string]uint64{}}
}

// The operator's events.
const (
	held     = "held-down"
	released = "released"
	lossy    = "events-lost"
)

// Observe implements stream.Observer.
func (w *Watch) Observe(_ context.Context, e *event.Event) []alert.Alert {
	reporter := e.Reporter()
	w.mu.Lock()
	defer w.mu.Unlock()
	switch action := e.Text(event.Action); {
	case reporter == w.cfg.Operator && (action == held || action == released):
		w.expect(e.Text("service.target.name"), action == released, e.Observed)
	case action == lossy:
		n, _ := e.Fields[event.Lost].(int)
		w.lost[reporter] += uint64(max(n, 0)) //nolint:gosec // not negative
	}
	if slices.Contains(w.cfg.Workloads, reporter) {
		w.last[reporter] = e.Observed
		delete(w.said, reporter)
	}
	return nil
}

// What silence may be about: T-046 is events that don't say what happened.
var threats, techniques = []string{"T-046"}, []string{"T1562"}

// Respond takes note of what was done about an alert: whom the operator cuts off isn't heard.
func (w *Watch) Respond(r alert.Response, now time.Time) {
	if r.Action != "isolate-service" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch r.State {
	case "done":
		w.expect(r.Target, false, now)
	case "undone", "expired":
		w.expect(r.Target, true, now)
	}
}

// expect begins or ends to wait for a workload's word; who comes back has as long as at the start.
func (w *Watch) expect(workload string, up bool, now time.Time) {
	if !slices.Contains(w.cfg.Workloads, workload) {
		return
	}
	w.down[workload] = !up
	if up {
		w.last[workload] = now.Add(w.cfg.Grace)
	}
}

// Advance implements stream.Observer.
func (w *Watch) Advance(now time.Time) (alerts []alert.Alert) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.began.IsZero() {
		w.began = now
	}
	for _, name := range w.silent(now) {
		if w.said[name] {
			continue
		}
		w.said[name] = true
		reason := fmt.Sprintf("%s has reported nothing since the start", name)
		since := w.began
		if last, heard := w.last[name]; heard {
			since = last
			reason = fmt.Sprintf("%s has reported nothing for %v", name, now.Sub(last).Round(time.Second))
		}
		alerts = append(alerts, alert.Alert{Rule: Silent, Title: "A workload reports nothing any more", Level: "high", Threats: threats, Techniques: techniques,
			First: since, Time: now, Count: 1, Subject: alert.Subject{Reporter: name}, Reason: reason})
	}
	return alerts
}

func (w *Watch) silent(now time.Time) (names []string) {
	for _, name := range w.cfg.Workloads {
		last := w.last[name]
		if w.began.IsZero() || w.down[name] || now.Sub(w.began) < w.cfg.Grace || now.Sub(last) < w.cfg.Silence {
			continue
		}
		names = append(names, name)
	}
	return names
}

// Silent are the workloads that ought to report, and don't.
func (w *Watch) Silent(now time.Time) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string{}, w.silent(now)...)
}

// Lost is how many events each workload had to drop, as it says itself.
func (w *Watch) Lost() map[string]uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.lost)
}
