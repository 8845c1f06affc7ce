// Package incident makes stories of alerts: those that are about the same party, within a while of each other, are one
// incident, together with what was done about them.
//
// What comes out follows from the alerts and responses alone and the order of their times: after a restart it is the same.
package incident

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"redoubt.example/services/platform/alert"
)

// The states of an incident. It is contained as long as something that was done about it holds, and closed when that was undone
// by somebody, or when nothing was heard of it for Quiet. An alert that belongs to it opens it again.
const (
	Open      = "open"
	Contained = "contained"
	Closed    = "closed"
)

const (
	// Window is how long after an alert of an incident another still belongs to it.
	Window = 15 * time.Minute
	// Quiet closes it.
	Quiet = 24 * time.Hour

	maxAlerts    = 1000 // of one incident: the first ones; the others are counted in the last of them
	maxResponses = 1000
	maxIncidents = 2000 // the oldest go first
)

// Log is all incidents. It is for one goroutine.
type Log struct {
	all     []*story // in the order in which they began
	byParty map[party]*story
	byAlert map[string]*story
}

// party is who, or what, connects alerts.
type party struct{ kind, name string }

// story is an incident in the making.
type story struct {
	alert.Incident
	first int64 // the number of its first alert, and of the incident
	into  *story
}

// New returns none.
func New() *Log { return &Log{byParty: map[party]*story{}, byAlert: map[string]*story{}} }

// parties are whom an alert is about. The reporter is not one of them: it only tells. Whoever is merely said to have acted is:
// two alerts about the same claim belong together, whoever made it.
func parties(s alert.Subject) (all []party) {
	for _, p := range []party{{"caller", s.Caller}, {"claimed", s.Claimed}, {"principal", s.Principal}, {"token", s.Token}, {"api key", s.APIKey},
		{"address", s.Address}, {"request", s.RequestID}} {
		if p.name != "" {
			all = append(all, p)
		}
	}
	return all
}

// Add enters an alert; they come in the order of their numbers. It returns the ID of the incident that it belongs to.
func (l *Log) Add(a alert.Alert) (id string) {
	var s *story
	for _, p := range parties(a.Subject) {
		known := l.byParty[p].end()
		switch {
		case known == nil || a.Raised.Sub(known.Updated) > Window:
		case s == nil || s == known:
			s = known
		default:
			s = l.merge(s, known)
		}
	}
	if s == nil {
		s = l.begin(a)
	}
	if len(s.Alerts) < maxAlerts { // what is remembered of it is bounded, too
		l.byAlert[a.ID] = s
		for _, p := range parties(a.Subject) {
			l.byParty[p] = s
		}
	}
	s.add(a)
	return s.ID
}

func (l *Log) begin(a alert.Alert) *story {
	s := &story{first: a.Seq, Incident: alert.Incident{ID: fmt.Sprintf("INC-%d", a.Seq), Title: a.Title, Opened: a.First, Subject: a.Subject, Level: a.Level}}
	l.all = append(l.all, s)
	if len(l.all) > maxIncidents {
		l.forget()
	}
	return s
}

// forget drops the oldest incident.
func (l *Log) forget() {
	old := l.all[0]
	l.all = slices.Clone(l.all[1:])
	for p, s := range l.byParty {
		if s.end() == old {
			delete(l.byParty, p)
		}
	}
	for id, s := range l.byAlert {
		if s.end() == old {
			delete(l.byAlert, id)
		}
	}
}

// end is the story that one has become part of, or itself.
func (s *story) end() *story {
	for s != nil && s.into != nil {
		s = s.into
	}
	return s
}

// merge makes two stories one, the one that began first: an alert has shown that they are.
func (l *Log) merge(a, b *story) *story {
	if b.first < a.first {
		a, b = b, a
	}
	alerts := slices.Concat(a.Alerts, b.Alerts)
	slices.SortFunc(alerts, func(x, y alert.Alert) int { return cmp.Compare(x.Seq, y.Seq) })
	responses := slices.Concat(a.Responses, b.Responses)
	slices.SortStableFunc(responses, func(x, y alert.Response) int { return x.Time.Compare(y.Time) })
	a.Alerts, a.Responses = nil, responses
	for _, x := range alerts {
		a.add(x)
	}
	b.into = a
	l.all = slices.DeleteFunc(l.all, func(s *story) bool { return s == b })
	return a
}

func (s *story) add(a alert.Alert) {
	a.Incident = s.ID
	if len(s.Alerts) < maxAlerts {
		s.Alerts = append(s.Alerts, a)
	} else {
		s.Alerts[maxAlerts-1].Count += a.Count
	}
	if s.Updated.Before(a.Raised) {
		s.Updated = a.Raised
	}
	if a.First.Before(s.Opened) {
		s.Opened = a.First
	}
	if rank(a.Level) > rank(s.Level) { // the worst of it is what it is about
		s.Level, s.Title, s.Subject = a.Level, a.Title, a.Subject
	}
	for _, id := range a.Threats {
		if !slices.Contains(s.Threats, id) {
			s.Threats = append(s.Threats, id)
		}
	}
	slices.Sort(s.Threats)
}

var levels = []string{"informational", "low", "medium", "high", "critical"}

func rank(level string) int { return slices.Index(levels, level) }

// Respond enters what was done about an alert, in the order of its time. False: the alert isn't known.
func (l *Log) Respond(r alert.Response) bool {
	s := l.byAlert[r.Alert].end()
	if s == nil {
		return false
	}
	if len(s.Responses) < maxResponses {
		s.Responses = append(s.Responses, r)
	}
	if s.Updated.Before(r.Time) {
		s.Updated = r.Time
	}
	return true
}

// Of is the incident that an alert belongs to, or "".
func (l *Log) Of(alertID string) string {
	if s := l.byAlert[alertID].end(); s != nil {
		return s.ID
	}
	return ""
}

// List returns all incidents as they are at a time, in the order in which they began.
func (l *Log) List(now time.Time) []alert.Incident {
	all := make([]alert.Incident, len(l.all))
	for i, s := range l.all {
		all[i] = s.Incident
		all[i].State = s.state(now)
		all[i].Alerts, all[i].Threats = slices.Clone(s.Alerts), append([]string{}, s.Threats...)
		all[i].Responses = append([]alert.Response{}, s.Responses...)
	}
	return all
}

// The states of a response that matter here.
const (
	done   = "done"
	undone = "undone"
)

// state follows from the last state of each response, and from whether something came after it.
func (s *story) state(now time.Time) string {
	last := map[string]alert.Response{}
	for _, r := range s.Responses {
		last[r.ID] = r
	}
	heard := time.Time{}
	for _, a := range s.Alerts {
		if a.Raised.After(heard) {
			heard = a.Raised
		}
	}
	holds, ended := false, false
	for _, r := range last {
		switch {
		case r.State == done && (r.Expires.IsZero() || r.Expires.After(now)):
			holds = true
		case r.State == undone && r.Time.After(heard):
			ended = true
		}
	}
	switch {
	case holds:
		return Contained
	case ended, now.Sub(s.Updated) > Quiet:
		return Closed
	}
	return Open
}
