// Package serverlog brings to sentinel what those log who have no place in the mesh: Vault, Consul, PostgreSQL, and the jobs. It
// follows their files from the beginning, and goes on in one only when sentinel has what came before: the file is the buffer, and
// nothing is lost while sentinel is away. Read again, after a restart, a line is the same event (package event), which sentinel
// knows.
package serverlog

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"redoubt.example/scripts/internal/sentinel"
	"redoubt.example/services/platform/event"
)

// Source is one log.
type Source struct {
	Reporter string // whose it is
	Path     string // the file, which may be made later
	Event    func(line []byte) (*event.Event, bool)
}

// Receiver takes events in a reporter's name: *sentinel.Client.
type Receiver interface {
	Report(ctx context.Context, reporter string, events []*event.Event) error
}

const (
	glance       = 100 * time.Millisecond // how often a file is looked at
	longestPause = 2 * time.Second        // between two attempts to report
	atOnce       = 500                    // events
)

// Ship follows the logs until ctx ends.
func Ship(ctx context.Context, to Receiver, log *slog.Logger, sources ...Source) {
	var running sync.WaitGroup
	for _, s := range sources {
		running.Go(func() { (&shipment{Source: s, to: to, log: log}).run(ctx) })
	}
	running.Wait()
}

type shipment struct {
	Source
	to   Receiver
	log  *slog.Logger
	away bool
}

func (s *shipment) run(ctx context.Context) {
	f := &file{path: s.Path}
	defer f.close()
	broken := false
	for ctx.Err() == nil {
		lines, more, err := f.next()
		if (err != nil) != broken {
			broken = err != nil
			s.log.Warn("log of a server can't be read", "reporter", s.Reporter, "broken", broken, "error", text(err))
		}
		if !s.report(ctx, lines) {
			return
		}
		f.done()
		if !more {
			pause(ctx, glance)
		}
	}
}

func (s *shipment) report(ctx context.Context, lines [][]byte) bool {
	var events []*event.Event
	for i, line := range lines {
		if e, ok := s.Event(line); ok && e.Reporter() == s.Reporter {
			events = append(events, e)
		}
		if len(events) == atOnce || i == len(lines)-1 && len(events) > 0 {
			if !s.insist(ctx, events) {
				return false
			}
			events = nil
		}
	}
	return true
}

// insist tries until sentinel has the events, or refuses them for what they are. It returns false when ctx ended before.
func (s *shipment) insist(ctx context.Context, events []*event.Event) bool {
	for wait := glance; ; wait = min(2*wait, longestPause) {
		err := s.to.Report(ctx, s.Reporter, events)
		var refused *sentinel.Refused
		switch {
		case err == nil:
			s.away = false
			return true
		case ctx.Err() != nil:
			return false
		case errors.As(err, &refused) && refused.Status < http.StatusInternalServerError && refused.Status != http.StatusTooManyRequests:
			s.log.Error("sentinel refused a server's events: they are lost", "reporter", s.Reporter, "count", len(events), "error", err.Error())
			return true
		case !s.away:
			s.away = true
			s.log.Warn("a server's events aren't taken by sentinel; they wait", "reporter", s.Reporter, "error", err.Error())
		}
		pause(ctx, wait)
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
