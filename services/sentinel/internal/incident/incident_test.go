package incident_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/alert"
	"redoubt.example/services/sentinel/internal/incident"
)

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// raised is an alert, so many seconds after noon.
func raised(seq int64, second int, level string, s alert.Subject) alert.Alert {
	at := noon.Add(time.Duration(second) * time.Second)
	return alert.Alert{Seq: seq, ID: fmt.Sprint("a", seq), Rule: "r", Title: "Alert " + fmt.Sprint(seq), Level: level, Threats: []string{fmt.Sprintf("T-%03d", seq)},
		First: at.Add(-time.Second), Time: at, Raised: at, Count: 1, Subject: s}
}

// stories are the incidents, each by the numbers of its alerts.
func stories(l *incident.Log, now time.Time) (all []string) {
	for _, i := range l.List(now) {
		var numbers []string
		for _, a := range i.Alerts {
			numbers = append(numbers, fmt.Sprint(a.Seq))
		}
		all = append(all, i.ID+": "+strings.Join(numbers, " "))
	}
	return all
}

func TestWhatBelongsTogether(t *testing.T) {
	by := func(caller string) alert.Subject { return alert.Subject{Reporter: "payments", Caller: caller} }
	from := func(address, principal string) alert.Subject {
		return alert.Subject{Reporter: "gateway", Address: address, Principal: principal}
	}
	for name, c := range map[string]struct {
		alerts []alert.Alert
		want   []string
	}{
		"the reporter connects nothing":           {[]alert.Alert{raised(1, 0, "high", by("")), raised(2, 1, "high", by(""))}, []string{"INC-1: 1", "INC-2: 2"}},
		"two callers":                             {[]alert.Alert{raised(1, 0, "high", by("notification")), raised(2, 1, "high", by("ingestion"))}, []string{"INC-1: 1", "INC-2: 2"}},
		"a caller's name isn't an address":        {[]alert.Alert{raised(1, 0, "high", by("x")), raised(2, 1, "high", from("x", ""))}, []string{"INC-1: 1", "INC-2: 2"}},
		"one caller, too late":                    {[]alert.Alert{raised(1, 0, "high", by("notification")), raised(2, 901, "high", by("notification"))}, []string{"INC-1: 1", "INC-2: 2"}},
		"one caller":                              {[]alert.Alert{raised(1, 0, "high", by("notification")), raised(2, 900, "high", by("notification"))}, []string{"INC-1: 1 2"}},
		"the window goes on with each":            {[]alert.Alert{raised(1, 0, "low", by("x")), raised(2, 800, "low", by("x")), raised(3, 1600, "low", by("x"))}, []string{"INC-1: 1 2 3"}},
		"one request":                             {[]alert.Alert{raised(1, 0, "low", alert.Subject{RequestID: "q"}), raised(2, 1, "low", alert.Subject{RequestID: "q", Caller: "x"}), raised(3, 2, "low", by("x"))}, []string{"INC-1: 1 2 3"}},
		"one address, two principals":             {[]alert.Alert{raised(1, 0, "low", from("192.0.2.1", "p")), raised(2, 1, "low", from("192.0.2.1", "q"))}, []string{"INC-1: 1 2"}},
		"two that a third shows to be one":        {[]alert.Alert{raised(1, 0, "low", from("192.0.2.1", "")), raised(2, 1, "low", from("", "p")), raised(3, 2, "low", from("192.0.2.1", "p"))}, []string{"INC-1: 1 2 3"}},
		"and what comes after knows only the one": {[]alert.Alert{raised(1, 0, "low", from("192.0.2.1", "")), raised(2, 1, "low", from("", "p")), raised(3, 2, "low", from("192.0.2.1", "p")), raised(4, 3, "low", from("", "p"))}, []string{"INC-1: 1 2 3 4"}},
	} {
		l := incident.New()
		for _, a := range c.alerts {
			id := l.Add(a)
			require.Equal(t, id, l.Of(a.ID), name)
		}
		require.Equal(t, c.want, stories(l, noon), name)
	}
}

// TestTheWorstOfIt: an incident is called after its worst alert, began with its first event, and has every threat once.
func TestTheWorstOfIt(t *testing.T) {
	l := incident.New()
	bad := raised(2, 5, "critical", alert.Subject{Reporter: "payments", Caller: "notification"})
	bad.Threats = []string{"T-021", "T-001"}
	bad.First = noon.Add(-time.Minute)
	for _, a := range []alert.Alert{raised(1, 0, "low", alert.Subject{Reporter: "ingestion", Caller: "notification"}), bad, raised(3, 9, "medium", alert.Subject{Caller: "notification"})} {
		l.Add(a)
	}
	got := l.List(noon)[0]
	require.Equal(t, "Alert 2", got.Title)
	require.Equal(t, "critical", got.Level)
	require.Equal(t, "payments", got.Subject.Reporter)
	require.Equal(t, bad.First, got.Opened)
	require.Equal(t, noon.Add(9*time.Second), got.Updated)
	require.Equal(t, []string{"T-001", "T-003", "T-021"}, got.Threats)
}

func TestStates(t *testing.T) {
	at := func(second int) time.Time { return noon.Add(time.Duration(second) * time.Second) }
	response := func(id, state string, second, expires int) alert.Response {
		r := alert.Response{ID: id, Alert: "a1", Action: "isolate-service", Target: "notification", State: state, Time: at(second)}
		if expires > 0 {
			r.Expires = at(expires)
		}
		return r
	}
	for name, c := range map[string]struct {
		responses []alert.Response
		later     int // when another alert comes; 0: never
		now       int
		want      string
	}{
		"nothing was done":                 {nil, 0, 10, incident.Open},
		"proposed":                         {[]alert.Response{response("r", "proposed", 1, 0)}, 0, 10, incident.Open},
		"failed":                           {[]alert.Response{response("r", "failed", 1, 0)}, 0, 10, incident.Open},
		"refused":                          {[]alert.Response{response("r", "refused", 1, 0)}, 0, 10, incident.Open},
		"done":                             {[]alert.Response{response("r", "done", 1, 0)}, 0, 10, incident.Contained},
		"done, for a while":                {[]alert.Response{response("r", "done", 1, 60)}, 0, 59, incident.Contained},
		"the while is over":                {[]alert.Response{response("r", "done", 1, 60)}, 0, 61, incident.Open},
		"expired":                          {[]alert.Response{response("r", "done", 1, 60), response("r", "expired", 60, 60)}, 0, 61, incident.Open},
		"undone":                           {[]alert.Response{response("r", "done", 1, 0), response("r", "undone", 5, 0)}, 0, 10, incident.Closed},
		"undone, and it begins again":      {[]alert.Response{response("r", "done", 1, 0), response("r", "undone", 5, 0)}, 8, 10, incident.Open},
		"one of two is undone":             {[]alert.Response{response("r", "done", 1, 0), response("s", "done", 2, 0), response("r", "undone", 5, 0)}, 0, 10, incident.Contained},
		"contained, and it tries on":       {[]alert.Response{response("r", "done", 1, 0)}, 8, 10, incident.Contained},
		"nothing was heard of it for long": {nil, 0, 86_401, incident.Closed},
	} {
		l := incident.New()
		l.Add(raised(1, 0, "high", alert.Subject{Caller: "notification"}))
		for _, r := range c.responses {
			require.True(t, l.Respond(r), name)
		}
		if c.later > 0 {
			l.Add(raised(2, c.later, "high", alert.Subject{Caller: "notification"}))
		}
		require.Equal(t, c.want, l.List(at(c.now))[0].State, name)
	}
	require.False(t, incident.New().Respond(alert.Response{Alert: "nobody's"}))
}

// TestBounds: however many alerts and parties there are, memory isn't theirs.
func TestBounds(t *testing.T) {
	l := incident.New()
	for seq := range int64(1500) {
		l.Add(raised(seq+1, int(seq), "low", alert.Subject{Caller: "notification"}))
	}
	one := l.List(noon)
	require.Len(t, one, 1)
	require.Len(t, one[0].Alerts, 1000)
	require.Equal(t, 501, one[0].Alerts[999].Count)

	for seq := range int64(3000) {
		l.Add(raised(seq+2000, int(seq), "low", alert.Subject{Address: fmt.Sprint(seq)}))
	}
	all := l.List(noon)
	require.Len(t, all, 2000)
	require.Empty(t, l.Of("a2000"), "the oldest is forgotten")
	require.Equal(t, "INC-4999", l.Of("a4999"))
}
