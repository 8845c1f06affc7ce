// Package archive has events stored, in batches and off the receiving path.
package archive

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"redoubt.example/services/platform/event"
	"redoubt.example/services/platform/telemetry"
)

// Store keeps events for good.
type Store interface {
	// AddEvents stores events, all or none. One that is there already stays as it is.
	AddEvents(ctx context.Context, events []*event.Event) error
}

const (
	maxBatch = 4096                   // events
	gather   = 100 * time.Millisecond // for which a batch is collected
	again    = time.Second            // between two attempts
	patience = 10 * time.Second       // with one attempt
)

// Archive holds events until they are stored, up to a limit; beyond it they are dropped, and counted.
type Archive struct {
	store Store
	most  int
	wake  chan struct{}

	mu      sync.Mutex
	waiting []*event.Event
	lost    uint64

	oldest atomic.Int64 // when the first of those that wait was received, in ns since 1970; 0: none waits
	stored atomic.Uint64
}

// New returns an archive of a store that holds at most so many events.
func New(store Store, most int) *Archive {
	return &Archive{store: store, most: most, wake: make(chan struct{}, 1)}
}

// Keep takes events. It waits for nothing.
func (a *Archive) Keep(events []*event.Event) {
	a.mu.Lock()
	room := min(len(events), a.most-len(a.waiting))
	if len(a.waiting) == 0 && room > 0 {
		a.oldest.Store(events[0].Observed.UnixNano())
	}
	a.waiting = append(a.waiting, events[:room]...)
	a.lost += uint64(len(events) - room)
	full := len(a.waiting) >= maxBatch
	a.mu.Unlock()
	if full {
		select {
		case a.wake <- struct{}{}:
		default:
		}
	}
}

// Run stores events until ctx ends, and then what is left, if that takes no longer than a moment.
func (a *Archive) Run(ctx context.Context) error {
	tick := time.NewTicker(gather)
	defer tick.Stop()
	for {
		pause := time.Duration(0)
		if err := a.flush(ctx); err != nil && ctx.Err() == nil {
			telemetry.Log(ctx).Error("events are not stored", "waiting", a.Waiting(), "error", err.Error())
			pause = again
		}
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), again)
			defer cancel()
			return a.flush(last)
		case <-time.After(pause):
		}
		select {
		case <-ctx.Done():
		case <-a.wake:
		case <-tick.C:
		}
	}
}

// flush stores all that waits.
func (a *Archive) flush(ctx context.Context) error {
	for {
		a.mu.Lock()
		batch := a.waiting[:min(len(a.waiting), maxBatch)]
		a.mu.Unlock()
		if len(batch) == 0 {
			return nil
		}
		bounded, cancel := context.WithTimeout(ctx, patience)
		err := a.store.AddEvents(bounded, batch)
		cancel()
		if err != nil {
			return err
		}
		a.stored.Add(uint64(len(batch)))
		a.done(len(batch))
	}
}

func (a *Archive) done(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	rest := a.waiting[n:]
	a.waiting = append(make([]*event.Event, 0, len(rest)), rest...) // what was stored is let go
	oldest := int64(0)
	if len(rest) > 0 {
		oldest = rest[0].Observed.UnixNano()
	}
	a.oldest.Store(oldest)
}

// Waiting is how many events aren't stored yet.
func (a *Archive) Waiting() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.waiting)
}

// Counts are how many events were stored, and how many dropped before.
func (a *Archive) Counts() (stored, lost uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.stored.Load(), a.lost
}

// Lag is for how long the first event that isn't stored has waited.
func (a *Archive) Lag(now time.Time) time.Duration {
	if at := a.oldest.Load(); at != 0 {
		return max(0, now.Sub(time.Unix(0, at)))
	}
	return 0
}
