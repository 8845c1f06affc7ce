package controls

import (
	"context"
	"sync"
	"time"
)

// Ledger is where one request's time went in this process: by control, and by what isn't one ("database",
// "upstream payments"). Safe for concurrent use; it lives as long as the request.
type Ledger struct {
	start time.Time

	mu      sync.Mutex
	spans   []span
	more    []Entry  // what spans have no room for
	answers []answer // what callees said, where they were asked
}

// span is one stretch of time, since the ledger's start.
type span struct {
	name       string
	begin, end time.Duration
	call       bool
}

// Entry is one line of a ledger.
type Entry struct {
	Name  string
	Count int
	Time  time.Duration // in all
}

// Entries that are no control's.
const (
	// Database is the time that a request waits for its service's database.
	Database = "database"
	// Secret is the time that it waits for Vault, or for a connection that is opened with a leased login.
	Secret = "secret"
	// Breaker is the time that circuit breakers take to decide.
	Breaker = "breaker"
	// Retry is the pause before another try of a call.
	Retry = "retry"
	// Application is the time in the route's handler.
	Application = "application"
	// Mint is the time that signing a transaction token takes.
	Mint = "mint"
	// Telemetry is the time that metrics, span and access log of the request take.
	Telemetry = "telemetry"
	// Bookkeeping is the time that it takes to write the ledger, and to read those of callees.
	Bookkeeping = "ledger"
)

// Upstream is the name of the entry for the time that a request waits for a service that it calls.
func Upstream(name string) string { return upstreamPrefix + name }

const upstreamPrefix = "upstream "

const (
	// usualSpans is what a request of the platform has at most, as a rule.
	usualSpans = 28
	// maxSpans bounds what a ledger holds: a stream has one for each message.
	maxSpans = 160
)

type ledgerKey struct{}

// WithLedger returns a context whose request's time is entered in the ledger that it also returns.
func WithLedger(ctx context.Context) (context.Context, *Ledger) {
	l := &Ledger{start: time.Now(), spans: make([]span, 0, usualSpans)}
	return context.WithValue(ctx, ledgerKey{}, l), l
}

// LedgerOf returns the context's ledger, or nil. A nil ledger takes entries and forgets them.
func LedgerOf(ctx context.Context) *Ledger {
	l, _ := ctx.Value(ledgerKey{}).(*Ledger)
	return l
}

// Add enters time that was spent on something, until now.
func (l *Ledger) Add(name string, d time.Duration) {
	if l != nil {
		now := time.Since(l.start)
		l.enter(span{name: name, begin: now - d, end: now})
	}
}

// enter returns the span's number, or -1 where there was no room for it.
func (l *Ledger) enter(s span) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.spans) < maxSpans {
		l.spans = append(l.spans, s)
		return len(l.spans) - 1
	}
	l.more = entered(l.more, Entry{s.name, 1, s.end - s.begin})
	return -1
}

func entered(entries []Entry, more Entry) []Entry {
	for i := range entries {
		if entries[i].Name == more.Name {
			entries[i].Count += more.Count
			entries[i].Time += more.Time
			return entries
		}
	}
	return append(entries, more)
}

// Entries returns what was entered so far, in the order of first entry. What happened within something else, or beside
// it, counts for both: Hop keeps them apart. The slice is the caller's.
func (l *Ledger) Entries() []Entry {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	entries := make([]Entry, 0, usualSpans)
	for _, s := range l.spans {
		entries = entered(entries, Entry{s.name, 1, s.end - s.begin})
	}
	for _, e := range l.more {
		entries = entered(entries, e)
	}
	return entries
}

// Span is time that runs until End enters it.
type Span struct {
	ledger *Ledger
	name   string
	begin  time.Duration
	call   bool
}

// Begin starts a span on the context's ledger: defer controls.Begin(ctx, id).End().
func Begin(ctx context.Context, name string) Span { return LedgerOf(ctx).begin(name, false) }

func (l *Ledger) begin(name string, call bool) Span {
	if l == nil {
		return Span{}
	}
	return Span{l, name, time.Since(l.start), call}
}

// End enters the span's time.
func (s Span) End() { s.enter() }

func (s Span) enter() int {
	if s.ledger == nil {
		return -1
	}
	spin(s.ledger, s.name)
	return s.ledger.enter(span{s.name, s.begin, time.Since(s.ledger.start), s.call})
}

// Enforce runs the check of a control, unless that is switched off, and enters its time in the context's ledger.
func Enforce(ctx context.Context, id string, check func() error) error {
	if !On(id) {
		return nil
	}
	defer Begin(ctx, id).End()
	return check()
}
