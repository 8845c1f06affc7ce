// Package flow counts who uses which route of whom, as the called ones report it.
package flow

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"redoubt.example/services/platform/alert"
	"redoubt.example/services/platform/event"
)

const (
	maxFlows = 10_000
	maxOfOne = 1_000 // that one service may report
)

// From these statuses on a request was refused, and has failed.
const refused, failed = 400, 500

// Seen are the flows since the start. It observes the stream in one goroutine; List is for any.
type Seen struct {
	mu    sync.Mutex
	flows map[edge]*alert.Flow
	ofOne map[string]int
}

type edge struct{ caller, callee, route string }

// New returns none.
func New() *Seen { return &Seen{flows: map[edge]*alert.Flow{}, ofOne: map[string]int{}} }

// Observe counts an event, if it is of a request.
func (s *Seen) Observe(_ context.Context, e *event.Event) []alert.Alert {
	if e.Text(event.Dataset) != event.Access {
		return nil
	}
	by, proved := e.Text(event.Caller), true
	if by == "" {
		by, proved = e.Text(event.Claimed), false
	}
	key := edge{by, e.Reporter(), e.Text("http.route")}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.flows[key]
	if f == nil {
		if len(s.flows) >= maxFlows || s.ofOne[key.callee] >= maxOfOne {
			return nil
		}
		f = &alert.Flow{Caller: key.caller, Callee: key.callee, Route: key.route, Proved: proved && by != "outside", First: e.Time}
		s.flows[key] = f
		s.ofOne[key.callee]++
	}
	f.Count++
	switch status, _ := e.Fields["http.response.status_code"].(int); {
	case status >= failed:
		f.Errors++
	case status >= refused:
		f.Refused++
	}
	if n, ok := e.Fields["http.response.bytes"].(int); ok && n > 0 {
		f.Bytes += int64(n)
	}
	if e.Time.After(f.Last) {
		f.Last = e.Time
	}
	return nil
}

// Advance implements stream.Observer.
func (s *Seen) Advance(time.Time) []alert.Alert { return nil }

// List returns all flows, by callee, route and caller.
func (s *Seen) List() []alert.Flow {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]alert.Flow, 0, len(s.flows))
	for _, f := range s.flows {
		all = append(all, *f)
	}
	slices.SortFunc(all, func(a, b alert.Flow) int {
		return strings.Compare(a.Callee+" "+a.Route+" "+a.Caller, b.Callee+" "+b.Route+" "+b.Caller)
	})
	return all
}
