// Package stream is the one line in which all events stand: they come in from many connections, and one goroutine has each
// observer look at them, one after another.
package stream

import (
	"context"
	"sync/atomic"
	"time"

	"redoubt.example/services/platform/alert"
	"redoubt.example/services/platform/event"
)

// Observer finds something in the stream. Its methods are called by one goroutine; neither may wait for anything.
type Observer interface {
	// Observe looks at one event, whose time of receipt (Observed) is set, and returns the alerts that are due. Nobody changes an
	// event any more.
	Observe(ctx context.Context, e *event.Event) []alert.Alert
	// Advance tells that it is later now, where no event does, and returns the alerts that are due.
	Advance(now time.Time) []alert.Alert
}

// Config is what a stream is made of.
type Config struct {
	Observers []Observer
	Raise     func(alert.Alert)    // takes an alert; it waits for nothing
	Keep      func([]*event.Event) // takes a batch for the store; it waits for nothing
	Tick      time.Duration        // how often observers are told what time it is
	Most      int                  // events that wait for their turn
	Now       func() time.Time     // time.Now
}

// Stream takes events, in batches, and bounds how many wait.
type Stream struct {
	cfg     Config
	batches chan []*event.Event
	waiting atomic.Int64
	taken   atomic.Uint64
	refused atomic.Uint64
}

// maxBatches wait at most, however small they are.
const maxBatches = 4096

// New returns a stream, which Run runs.
func New(cfg Config) *Stream {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Stream{cfg: cfg, batches: make(chan []*event.Event, maxBatches)}
}

// Offer puts a batch at the end of the line. False means that there is no room: none of it was taken.
func (s *Stream) Offer(events []*event.Event) bool {
	n := int64(len(events))
	if s.waiting.Add(n) <= int64(s.cfg.Most) {
		select {
		case s.batches <- events:
			s.taken.Add(uint64(n))
			return true
		default:
		}
	}
	s.waiting.Add(-n)
	s.refused.Add(uint64(n))
	return false
}

// Run has the observers look at what comes until ctx ends, and then at what still waits.
func (s *Stream) Run(ctx context.Context) error {
	tick := time.NewTicker(s.cfg.Tick)
	defer tick.Stop()
	for {
		select {
		case batch := <-s.batches:
			s.observe(ctx, batch)
		case <-tick.C:
			s.advance()
		case <-ctx.Done():
			for len(s.batches) > 0 {
				s.observe(context.WithoutCancel(ctx), <-s.batches)
			}
			return nil
		}
	}
}

func (s *Stream) observe(ctx context.Context, batch []*event.Event) {
	for _, e := range batch {
		for _, o := range s.cfg.Observers {
			for _, a := range o.Observe(ctx, e) {
				s.cfg.Raise(a)
			}
		}
	}
	s.cfg.Keep(batch)
	s.waiting.Add(-int64(len(batch)))
}

func (s *Stream) advance() {
	now := s.cfg.Now()
	for _, o := range s.cfg.Observers {
		for _, a := range o.Advance(now) {
			s.cfg.Raise(a)
		}
	}
}

// Counts are what was taken and refused so far, and what waits now.
func (s *Stream) Counts() (taken, refused uint64, waiting int64) {
	return s.taken.Load(), s.refused.Load(), s.waiting.Load()
}
