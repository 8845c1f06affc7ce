package attack

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"redoubt.example/scripts/internal/logfile"
	"redoubt.example/services/platform/controls"
)

// evidenceWithin is how long a decision record may take to reach its file.
const evidenceWithin = 5 * time.Second

// watch follows the lab's logs from a moment on.
type watch struct {
	began   time.Time
	readers []*logfile.Reader
	seen    []logfile.Line
}

// newWatch begins at the logs' present ends: what was logged before is no evidence.
func newWatch(folder string) (*watch, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.log"))
	if err != nil {
		return nil, err
	}
	w := &watch{began: time.Now()}
	for _, path := range paths {
		r, err := logfile.Tail(strings.TrimSuffix(filepath.Base(path), ".log"), path)
		if err != nil {
			return nil, err
		}
		w.readers = append(w.readers, r)
	}
	return w, nil
}

// find waits a moment for a control's own record of an attempt.
func (w *watch) find(ctx context.Context, control string, o outcome) (logfile.Line, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, evidenceWithin)
	defer cancel()
	for {
		lines, err := logfile.Merge(w.readers)
		if err != nil {
			return logfile.Line{}, false, err
		}
		w.seen = append(w.seen, lines...)
		for _, l := range w.seen {
			if isRecord(l, control) && concerns(l, o) {
				return l, true, nil
			}
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return logfile.Line{}, false, nil
		}
	}
}

// leaked returns whose log holds one of the attempt's canaries, or "". It waits a moment until each of its requests is logged.
func (w *watch) leaked(ctx context.Context, o outcome) (component string) {
	if len(o.Canaries) == 0 {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, evidenceWithin)
	defer cancel()
	for {
		lines, err := logfile.Merge(w.readers)
		if err != nil {
			return ""
		}
		w.seen = append(w.seen, lines...)
		logged := map[string]bool{}
		for _, l := range w.seen {
			logged[l.ID()] = logged[l.ID()] || l.Fields["msg"] == "request"
			if slices.ContainsFunc(o.Canaries, func(c string) bool { return strings.Contains(l.Raw, c) }) {
				return l.Component
			}
		}
		if !slices.ContainsFunc(o.RequestIDs, func(id string) bool { return !logged[id] }) {
			return ""
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return ""
		}
	}
}

// unrecorded waits a moment for a refusal of each try, by whichever control, and counts those that have none. One for being
// too much says nothing about what was in it, unless that is the question.
func (w *watch) unrecorded(ctx context.Context, by string, each []try) (left int) {
	ctx, cancel := context.WithTimeout(ctx, evidenceWithin)
	defer cancel()
	counts := func(id string) bool {
		return id == by || !strings.HasPrefix(id, "edge.limit.") && id != controls.EdgeLoadShed
	}
	for {
		known := map[string]bool{}
		for _, l := range w.seen {
			if id, _ := l.Fields["control"].(string); isRecord(l, id) && counts(id) {
				peer, _ := l.Fields["peer"].(string)
				known[l.ID()], known[peer] = true, true
			}
		}
		delete(known, "")
		left = 0
		for _, t := range each {
			if !known[t.RequestID] && !known[t.Peer] {
				left++
			}
		}
		if left == 0 {
			return 0
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return left
		}
		lines, err := logfile.Merge(w.readers)
		if err != nil {
			return left
		}
		w.seen = append(w.seen, lines...)
	}
}

// first is when the first event of an attempt was logged, by its own time; zero where none was.
func (w *watch) first(o outcome) (at time.Time) {
	if lines, err := logfile.Merge(w.readers); err == nil {
		w.seen = append(w.seen, lines...)
	}
	for _, l := range w.seen {
		said := l.Fields["msg"]
		if (said == controls.Message || said == "request") && concerns(l, o) && (at.IsZero() || l.Time.Before(at)) {
			at = l.Time
		}
	}
	return at
}

// refusedBy returns when a control refused an attempt first, as far as it is logged yet.
func (w *watch) refusedBy(control string, o outcome) (at time.Time, ok bool) {
	if lines, err := logfile.Merge(w.readers); err == nil {
		w.seen = append(w.seen, lines...)
	}
	for _, l := range w.seen {
		if isRecord(l, control) && concerns(l, o) && (!ok || l.Time.Before(at)) {
			at, ok = l.Time, true
		}
	}
	return at, ok
}

// instead names the controls that did leave a record of the attempt.
func (w *watch) instead(o outcome) (ids []string) {
	for _, l := range w.seen {
		id, _ := l.Fields["control"].(string)
		if isRecord(l, id) && concerns(l, o) && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

func isRecord(l logfile.Line, control string) bool {
	return l.Fields["msg"] == controls.Message && l.Fields["decision"] == controls.Deny && l.Fields["control"] == control
}

// concerns tells whether a line is about this attempt: by its request, by our address, or by our process.
func concerns(l logfile.Line, o outcome) bool {
	if id := l.ID(); id != "" && slices.Contains(o.RequestIDs, id) {
		return true
	}
	if slices.ContainsFunc(o.Marks, func(mark string) bool { return len(mark) > 16 && strings.Contains(l.Raw, mark) }) {
		return true
	}
	for _, key := range []string{"peer", "remote"} {
		peer, _ := l.Fields[key].(string)
		if peer == "" {
			continue
		}
		if slices.Contains(o.Peers, peer) || (o.PID != 0 && strings.HasPrefix(peer+" ", fmt.Sprintf("pid %d ", o.PID))) {
			return true
		}
	}
	return false
}
