package presence_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/alert"
	"redoubt.example/services/platform/event"
	"redoubt.example/services/sentinel/internal/presence"
)

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func at(second int) time.Time { return noon.Add(time.Duration(second) * time.Second) }

func said(second int, reporter, action string, more ...any) *event.Event {
	e := &event.Event{Time: at(second), Observed: at(second), Fields: map[string]any{event.Service: reporter, event.Action: action}}
	for i := 0; i+1 < len(more); i += 2 {
		e.Fields[more[i].(string)] = more[i+1]
	}
	return e
}

func watch() *presence.Watch {
	w := presence.New(presence.Config{Workloads: []string{"payments", "gateway"}, Operator: "supervisor", Silence: 15 * time.Second, Grace: 30 * time.Second})
	w.Advance(noon)
	return w
}

// beat has the gateway be heard every five seconds, and returns whose silence was told when.
func beat(t *testing.T, w *presence.Watch, events map[int]*event.Event, until int) map[string][]int {
	t.Helper()
	told := map[string][]int{}
	for second := range until {
		if second%5 == 0 {
			w.Observe(t.Context(), said(second, "gateway", "alive"))
		}
		if e := events[second]; e != nil {
			w.Observe(t.Context(), e)
		}
		for _, a := range w.Advance(at(second)) {
			require.Equal(t, presence.Silent, a.Rule)
			told[a.Subject.Reporter] = append(told[a.Subject.Reporter], second)
		}
	}
	return told
}

func TestSilence(t *testing.T) {
	hold := func(second int, action, what string) *event.Event {
		return said(second, "supervisor", action, "service.target.name", what)
	}
	for name, c := range map[string]struct {
		events map[int]*event.Event
		until  int
		want   []int // when payments' silence was told
	}{
		"in the beginning":                   {nil, 30, nil},
		"never heard":                        {nil, 100, []int{30}},
		"heard, and then no more":            {map[int]*event.Event{20: said(20, "payments", "alive")}, 100, []int{35}},
		"heard again, and then no more":      {map[int]*event.Event{50: said(50, "payments", "alive")}, 100, []int{30, 65}},
		"any event is a word":                {map[int]*event.Event{25: said(25, "payments", "decision")}, 40, nil},
		"another's word isn't its own":       {map[int]*event.Event{25: said(25, "notification", "alive")}, 40, []int{30}},
		"held down":                          {map[int]*event.Event{10: hold(10, "held-down", "payments")}, 100, nil},
		"held down by nobody who may":        {map[int]*event.Event{10: {Observed: at(10), Fields: map[string]any{event.Service: "payments", event.Action: "held-down", "service.target.name": "payments"}}}, 60, []int{30}},
		"another is held down":               {map[int]*event.Event{10: hold(10, "held-down", "ingestion")}, 60, []int{30}},
		"released, and given time":           {map[int]*event.Event{10: hold(10, "held-down", "payments"), 50: hold(50, "released", "payments")}, 94, nil},
		"released, and not heard after that": {map[int]*event.Event{10: hold(10, "held-down", "payments"), 50: hold(50, "released", "payments")}, 120, []int{95}},
	} {
		w := watch()
		told := beat(t, w, c.events, c.until)
		require.Equal(t, c.want, told["payments"], name)
		require.Empty(t, told["gateway"], name)
		require.Equal(t, len(c.want) > 0, len(w.Silent(at(c.until-1))) > 0, name)
	}
}

func TestWhomTheOperatorCutsOffIsNotHeard(t *testing.T) {
	w := watch()
	w.Observe(t.Context(), said(5, "payments", "alive"))
	r := alert.Response{Action: "isolate-service", Target: "payments", State: "done"}
	w.Respond(r, at(10))
	require.Empty(t, beat(t, w, nil, 100))
	r.State = "undone"
	w.Respond(r, at(100))
	require.NotContains(t, w.Silent(at(140)), "payments")
	require.Contains(t, w.Silent(at(146)), "payments")
}

// TestLoss: that it happened is for a rule to say.
func TestLoss(t *testing.T) {
	w := watch()
	for range 2 {
		require.Empty(t, w.Observe(t.Context(), said(1, "payments", "events-lost", event.Lost, 12, event.Reason, "no room")))
	}
	require.Equal(t, map[string]uint64{"payments": 24}, w.Lost())
}
