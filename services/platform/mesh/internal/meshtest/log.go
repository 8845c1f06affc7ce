package meshtest

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"
)

// Log keeps what is logged and lets a test wait for a record.
type Log struct {
	*slog.Logger
	mu      sync.Mutex
	records []map[string]any
	more    chan struct{}
}

// NewLog returns an empty log.
func NewLog() *Log {
	l := &Log{more: make(chan struct{})}
	l.Logger = slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return l
}

// Write takes one JSON record from slog.
func (l *Log) Write(line []byte) (int, error) {
	record := map[string]any{}
	if err := json.Unmarshal(bytes.TrimSpace(line), &record); err != nil {
		return 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.records = append(l.records, record)
	close(l.more)
	l.more = make(chan struct{})
	return len(line), nil
}

// Denied returns the next record of a control's refusal, and takes it out of the log.
func (l *Log) Denied(t testing.TB, control string) map[string]any {
	t.Helper()
	deadline := time.After(5 * time.Second)
	for {
		l.mu.Lock()
		i := slices.IndexFunc(l.records, func(r map[string]any) bool { return r["control"] == control && r["decision"] == "deny" })
		if i >= 0 {
			record := l.records[i]
			l.records = slices.Delete(l.records, i, i+1)
			l.mu.Unlock()
			return record
		}
		more, all := l.more, slices.Clone(l.records)
		l.mu.Unlock()
		select {
		case <-more:
		case <-deadline:
			t.Fatalf("no refusal by %s in %v", control, all)
		}
	}
}

// AllDenied returns the records of all refusals so far.
func (l *Log) AllDenied() []map[string]any {
	l.mu.Lock()
	defer l.mu.Unlock()
	var denied []map[string]any
	for _, r := range l.records {
		if r["decision"] == "deny" {
			denied = append(denied, r)
		}
	}
	return denied
}

// All returns every record that wasn't taken out.
func (l *Log) All() []map[string]any {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.records)
}
