package detection_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/alert"
	"redoubt.example/services/platform/event"
	"redoubt.example/services/sentinel/internal/detection"
)

const sweeps = `title: One neighbour after the other
id: 4995e8ae-472c-4fc2-abd9-000000000001
name: sweep
level: critical
tags: [attack.t1046, threat.t-020]
correlation:
  type: value_count
  rules: [refused]
  group-by: [service.origin.name]
  timespan: 1m
  condition: { field: service.name, gte: 3 }
---
title: A connection was refused
id: 4995e8ae-472c-4fc2-abd9-000000000002
name: refused
logsource: { product: redoubt, category: decision }
detection:
  selection: { event.type: denied }
  condition: selection
`

// TestReports: an alert says whom it is about and no more: of what a correlation isn't grouped by, the last event's is chance.
func TestReports(t *testing.T) {
	rules, err := detection.Parse([]byte(sweeps))
	require.NoError(t, err)
	w := detection.NewWatch(detection.New(rules, detection.Defaults()))
	refused := func(second int, service string) *event.Event {
		at := noon.Add(time.Duration(second) * time.Second)
		return &event.Event{ID: service, Time: at, Observed: at, Fields: map[string]any{event.Dataset: event.Decision, event.Service: service, event.Caller: "notification",
			event.Type: "denied", event.RuleID: "mesh.intention", "user.hash": "a victim's", "client.ip": "192.0.2.1", "http.request.id": "r-" + service}}
	}
	var all []alert.Alert
	for i, service := range []string{"payments", "ingestion", "inference"} {
		all = append(all, w.Observe(t.Context(), refused(10*i, service))...)
	}
	all = append(all, w.Advance(noon.Add(time.Minute))...)
	require.Equal(t, []alert.Alert{{
		Title: "One neighbour after the other", Level: "critical", Threats: []string{"T-020"}, Techniques: []string{"T1046"},
		First: noon, Time: noon.Add(20 * time.Second), Count: 3,
		Reason:  "One neighbour after the other: 3 within 1m0s, service.origin.name notification",
		Subject: alert.Subject{Reporter: "inference", Caller: "notification", Control: "mesh.intention", RequestID: "r-inference"},
	}}, all)
	require.Equal(t, uint64(3), w.Stats().Events)
}
