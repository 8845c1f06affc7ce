// Package httpapi is sentinel's HTTP interface: to the mesh it takes events, and nothing else; to the operator, on the admin
// socket, it says what it has found.
package httpapi

import (
	"context"
	"slices"
	"time"

	"redoubt.example/services/platform/alert"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/event"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/httpserver"
	"redoubt.example/services/platform/mesh"
)

// Stream is what takes events.
type Stream interface {
	// Offer takes a batch, or returns false if there is no room.
	Offer(events []*event.Event) bool
}

// Book is what has alerts.
type Book interface {
	Select(ctx context.Context, q alert.Query) []alert.Alert
	Incidents() []alert.Incident
	// Respond enters what was done about an alert. Its errors are faults.
	Respond(ctx context.Context, r alert.Response) error
}

// Store is what has events. Its errors are faults.
type Store interface {
	Events(ctx context.Context, q alert.EventQuery) ([]alert.Event, error)
}

// API is what the routes are made of.
type API struct {
	Stream Stream
	Book   Book
	Store  Store
	Health func() alert.Health
	Flows  func() []alert.Flow
	Now    func() time.Time
	// Local are those for whom the admin socket may report: they have no place in the mesh.
	Local []string
}

// Routes returns sentinel's routes.
func (a API) Routes() []httpserver.Route {
	return []httpserver.Route{{Route: "POST /v1/logs", Handle: a.logs, MaxBody: maxBody}}
}

// mayReport refuses a batch in the name of another than those for whom its connection reports.
func mayReport(ctx context.Context, reporter string, allowed []string) error {
	if !controls.On(controls.AppEventsReporter) {
		return nil
	}
	defer controls.Begin(ctx, controls.AppEventsReporter).End()
	if slices.Contains(allowed, reporter) {
		return nil
	}
	const reason = "a batch of events in the name of another workload"
	controls.Record(ctx, controls.AppEventsReporter, controls.Deny, reason, "caller", callerOf(ctx))
	return fault.New(fault.Denied, reason)
}

// callerOf is who is connected by the mesh; "none" is somebody at the admin socket.
func callerOf(ctx context.Context) string {
	if caller, ok := mesh.Caller(ctx); ok {
		return caller.Service
	}
	return "none"
}
