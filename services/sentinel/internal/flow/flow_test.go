package flow_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/alert"
	"redoubt.example/services/platform/event"
	"redoubt.example/services/sentinel/internal/flow"
)

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func answered(callee, caller, route string, status, bytes int) *event.Event {
	return &event.Event{Time: noon, Fields: map[string]any{event.Dataset: event.Access, event.Service: callee, event.Caller: caller, "http.route": route,
		"http.response.status_code": status, "http.response.bytes": bytes}}
}

func TestFlows(t *testing.T) {
	s := flow.New()
	later := answered("payments", "gateway", "GET /v1/account", 503, 50)
	later.Time = noon.Add(time.Second)
	for _, e := range []*event.Event{
		answered("payments", "gateway", "GET /v1/account", 200, 100),
		answered("payments", "gateway", "GET /v1/account", 404, 10),
		later,
		answered("gateway", "outside", "GET /v1/account", 200, 7),
		{Time: noon, Fields: map[string]any{event.Dataset: event.Decision, event.Service: "payments", event.Caller: "notification"}},
		{Time: noon, Fields: map[string]any{event.Dataset: event.Access, event.Service: "payments", event.Claimed: "ingestion", "http.route": "GET /v1/account"}},
	} {
		require.Empty(t, s.Observe(t.Context(), e))
	}
	require.Equal(t, []alert.Flow{
		{Caller: "outside", Callee: "gateway", Route: "GET /v1/account", Count: 1, Bytes: 7, First: noon, Last: noon},
		{Caller: "gateway", Callee: "payments", Route: "GET /v1/account", Count: 3, Refused: 1, Errors: 1, Bytes: 160, Proved: true, First: noon, Last: noon.Add(time.Second)},
		{Caller: "ingestion", Callee: "payments", Route: "GET /v1/account", Count: 1, First: noon, Last: noon},
	}, s.List())
}

// TestOneServiceCantFillIt: whatever it makes up, the others' flows still have room.
func TestOneServiceCantFillIt(t *testing.T) {
	s := flow.New()
	for n := range 20_000 {
		s.Observe(t.Context(), answered("notification", "gateway", fmt.Sprint("GET /", n), 200, 0))
	}
	require.Len(t, s.List(), 1_000)
	s.Observe(t.Context(), answered("payments", "gateway", "GET /v1/account", 200, 0))
	require.Len(t, s.List(), 1_001)
}
