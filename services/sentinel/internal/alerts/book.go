// Package alerts numbers what was raised, keeps the latest of it at hand, and has it stored.
package alerts

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"redoubt.example/services/platform/alert"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/telemetry"
	"redoubt.example/services/sentinel/internal/incident"
)

// Store keeps alerts for good.
type Store interface {
	// AddAlerts stores alerts, all or none. One whose number is there already stays as it is.
	AddAlerts(ctx context.Context, all []alert.Alert) error
	// LatestAlerts returns the latest alerts, in the order of their numbers.
	LatestAlerts(ctx context.Context, limit int) ([]alert.Alert, error)
	// AddResponse stores what was done about an alert.
	AddResponse(ctx context.Context, r alert.Response) error
	// LatestResponses returns the latest of them, in the order in which they were stored.
	LatestResponses(ctx context.Context, limit int) ([]alert.Response, error)
}

const (
	atHand    = 10_000 // alerts in memory
	maxUnkept = 10_000 // alerts that wait for the store
	maxBatch  = 500
	// patience is how long an alert waits to be stored before it is told all the same: what isn't stored may be told a second time
	// under its number after a restart, but what isn't told is answered by nobody.
	patience = 500 * time.Millisecond
	again    = time.Second // between two attempts at storing
)

// Book holds the latest alerts. It is for many goroutines.
type Book struct {
	store Store
	now   func() time.Time
	wake  chan struct{} // something is to be stored
	ended chan struct{} // closed when Run ends: nobody waits any longer

	mu     sync.Mutex
	last   int64         // the last number that was given
	told   []alert.Alert // at most atHand, in order
	unkept []alert.Alert // raised and not stored yet, in order
	lost   uint64        // dropped before they were stored
	news   chan struct{} // closed when something is told

	incidents *incident.Log
}

// Open returns the book of a store: its numbers go on where they ended.
func Open(ctx context.Context, store Store, now func() time.Time) (*Book, error) {
	told, err := store.LatestAlerts(ctx, atHand)
	if err != nil {
		return nil, err
	}
	responses, err := store.LatestResponses(ctx, atHand)
	if err != nil {
		return nil, err
	}
	b := &Book{store: store, now: now, wake: make(chan struct{}, 1), ended: make(chan struct{}), news: make(chan struct{}), incidents: incident.New()}
	for _, a := range told {
		for len(responses) > 0 && responses[0].Time.Before(a.Raised) {
			b.incidents.Respond(responses[0])
			responses = responses[1:]
		}
		b.add(a)
		b.last = a.Seq
	}
	for _, r := range responses {
		b.incidents.Respond(r)
	}
	return b, nil
}

// add enters an alert that may be told.
func (b *Book) add(a alert.Alert) {
	b.incidents.Add(a)
	b.told = append(b.told, a)
}

// Raise enters an alert. It waits for nothing.
func (b *Book) Raise(a alert.Alert) {
	a.Raised = b.now().UTC()
	a.ID = uuid.Must(uuid.NewV7()).String()
	b.mu.Lock()
	if len(b.unkept) >= maxUnkept {
		b.lost++
		b.mu.Unlock()
		return
	}
	b.last++
	a.Seq = b.last
	b.unkept = append(b.unkept, a)
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// Run stores alerts and tells of them, until ctx ends. It is called once.
func (b *Book) Run(ctx context.Context) error {
	defer close(b.ended)
	for {
		select {
		case <-ctx.Done():
			final, cancel := context.WithTimeout(context.WithoutCancel(ctx), again)
			defer cancel()
			b.keep(final)
			return nil
		case <-b.wake:
			b.keep(ctx)
		case <-time.After(again):
			b.keep(ctx)
		}
	}
}

// keep stores what there is.
func (b *Book) keep(ctx context.Context) {
	for {
		b.mu.Lock()
		batch := slices.Clone(b.unkept[:min(len(b.unkept), maxBatch)])
		b.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		bounded, cancel := context.WithTimeout(ctx, patience)
		err := b.store.AddAlerts(bounded, batch)
		cancel()
		b.tell(batch)
		if err != nil {
			telemetry.Log(ctx).Error("alerts are not stored", "count", len(batch), "error", err.Error())
			return
		}
		b.mu.Lock()
		b.unkept = slices.Clone(b.unkept[len(batch):])
		b.mu.Unlock()
	}
}

// tell lets those see alerts who ask, once each.
func (b *Book) tell(batch []alert.Alert) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range batch {
		if len(b.told) == 0 || b.told[len(b.told)-1].Seq < a.Seq {
			b.add(a)
		}
	}
	if extra := len(b.told) - atHand; extra > 0 {
		b.told = slices.Clone(b.told[extra:])
	}
	close(b.news)
	b.news = make(chan struct{})
}

// Select returns the alerts at hand that a query selects. If there is none it waits for one, up to Query.Wait or until ctx
// ends. Who asks for what comes after a number that wasn't given yet is told all: its numbers are of a store that is gone.
func (b *Book) Select(ctx context.Context, q alert.Query) []alert.Alert {
	wait := time.NewTimer(q.Wait)
	defer wait.Stop()
	for {
		b.mu.Lock()
		found, news := b.find(q), b.news
		b.mu.Unlock()
		if len(found) > 0 || q.Wait <= 0 {
			return found
		}
		select {
		case <-news:
		case <-wait.C:
			return found
		case <-b.ended:
			return found
		case <-ctx.Done():
			return found
		}
	}
}

func (b *Book) find(q alert.Query) []alert.Alert {
	if q.After > b.last {
		q.After = 0
	}
	found := []alert.Alert{}
	for _, a := range b.told {
		if a.Seq > q.After && !a.Time.Before(q.Since) && (q.Rule == "" || a.Rule == q.Rule) {
			a.Incident = b.incidents.Of(a.ID)
			found = append(found, a)
		}
	}
	return found
}

// Respond stores what was done about an alert, and enters it into the alert's incident.
func (b *Book) Respond(ctx context.Context, r alert.Response) error {
	b.mu.Lock()
	known := b.incidents.Of(r.Alert) != ""
	b.mu.Unlock()
	if !known {
		return fault.New(fault.NotFound, "there is no alert with this ID")
	}
	if err := b.store.AddResponse(ctx, r); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.incidents.Respond(r)
	return nil
}

// Incidents returns the stories that the alerts at hand, and the responses to them, make.
func (b *Book) Incidents() []alert.Incident {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.incidents.List(b.now())
}

// Counts are how many alerts were raised ever, and how many had to be dropped since the start.
func (b *Book) Counts() (raised int64, lost uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last, b.lost
}
