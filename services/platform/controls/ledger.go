package controls

import (
	"context"
	"sync"
	"time"
)

// Ledger is where one request's time went in this process: by control, and by what isn't one ("database",
// "upstream payments"). Safe for concurrent use; it lives as long as the request.
type Ledger struct {
	mu      sync.Mutex
	entries []Entry
}

// Entry is one line of a ledger.
type Entry struct {
	Name  string
	Count int
	Time  time.Duration // in all
}

// Database is the entry of the time that a request waits for its service's database.
const Database = "database"

// Upstream is the name of the entry for the time that a request waits for a service that it calls.
func Upstream(name string) string { return "upstream " + name }

type ledgerKey struct{}

// WithLedger returns a context whose request's time is entered in the ledger that it also returns.
func WithLedger(ctx context.Context) (context.Context, *Ledger) {
	l := &Ledger{entries: make([]Entry, 0, 24)}
	return context.WithValue(ctx, ledgerKey{}, l), l
}

// LedgerOf returns the context's ledger, or nil. A nil ledger takes entries and forgets them.
func LedgerOf(ctx context.Context) *Ledger {
	l, _ := ctx.Value(ledgerKey{}).(*Ledger)
	return l
}

// Add enters time that was spent on something.
func (l *Ledger) Add(name string, d time.Duration) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.entries {
		if l.entries[i].Name == name {
			l.entries[i].Count++
			l.entries[i].Time += d
			return
		}
	}
	l.entries = append(l.entries, Entry{name, 1, d})
}

// Entries returns what was entered so far, in the order of first entry. The slice is the caller's.
func (l *Ledger) Entries() []Entry {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Entry(nil), l.entries...)
}

// Span is time that runs until End enters it.
type Span struct {
	ledger *Ledger
	name   string
	begin  time.Time
}

// Begin starts a span on the context's ledger: defer controls.Begin(ctx, id).End().
func Begin(ctx context.Context, name string) Span {
	l := LedgerOf(ctx)
	if l == nil {
		return Span{}
	}
	return Span{l, name, time.Now()}
}

// End enters the span's time.
func (s Span) End() {
	if s.ledger != nil {
		spin(s.ledger, s.name)
		s.ledger.Add(s.name, time.Since(s.begin))
	}
}

// Enforce runs the check of a control, unless that is switched off, and enters its time in the context's ledger.
func Enforce(ctx context.Context, id string, check func() error) error {
	if !On(id) {
		return nil
	}
	defer Begin(ctx, id).End()
	return check()
}
