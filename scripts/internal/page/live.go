package page

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/hops"
	"redoubt.example/services/platform/alert"
	"redoubt.example/services/platform/event"
)

const (
	every        = 2 * time.Second
	mostWatchers = 8
	mostRefusals = 40        // of one moment
	late         = 5 * every // how late sentinel may hear of an event, and it still shows
)

// Moment is what happened in the lab since the last one.
type Moment struct {
	Time     time.Time      `json:"time"`
	Status   control.Status `json:"status"`
	Edges    []Edge         `json:"edges"`
	Refusals []Refusal      `json:"refusals"`
	Alerts   []alert.Alert  `json:"alerts"`          // that were raised since
	Raised   int64          `json:"raised"`          // in all
	Doing    string         `json:"doing,omitempty"` // the order that runs
	Trouble  string         `json:"trouble,omitempty"`
}

// Edge is the traffic between two, or of one route of theirs.
type Edge struct {
	Caller  string  `json:"caller"`
	Callee  string  `json:"callee"`
	Route   string  `json:"route"`
	Rate    float64 `json:"rate"`    // requests a second
	Refused float64 `json:"refused"` // of them answered with 400 to 499
	Failed  float64 `json:"failed"`  // with 500 and above
	P50     float64 `json:"p50_seconds"`
	P99     float64 `json:"p99_seconds"`
}

// Refusal is one decision against a request or a connection, by whoever made it.
type Refusal struct {
	Time    time.Time `json:"time"`
	Service string    `json:"service"`
	Caller  string    `json:"caller"`
	Control string    `json:"control"`
	Reason  string    `json:"reason"`
	Request string    `json:"request,omitempty"`
}

// live looks at the lab while somebody watches, once for all of them.
type live struct {
	cfg Config

	mu       sync.Mutex
	doing    string
	watchers map[chan []byte]bool
	stop     context.CancelFunc // of the looking; nil while nobody watches
	last     []byte             // moment, for who comes next; nil while nobody watches
}

func newLive(cfg Config) *live { return &live{cfg: cfg, watchers: map[chan []byte]bool{}} }

// begin notes an order, unless one runs.
func (l *live) begin(what string) (doing string, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.doing != "" {
		return l.doing, false
	}
	l.doing = what
	return what, true
}

func (l *live) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.doing = ""
}

// watch adds a watcher; ctx is the lab's.
func (l *live) watch(ctx context.Context) (moments chan []byte, leave func(), ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.watchers) >= mostWatchers {
		return nil, nil, false
	}
	moments = make(chan []byte, 1)
	l.watchers[moments] = true
	if l.last != nil {
		moments <- l.last
	}
	if l.stop == nil {
		var looking context.Context
		looking, l.stop = context.WithCancel(context.WithoutCancel(ctx))
		go l.look(looking)
	}
	return moments, func() { l.leave(moments) }, true
}

func (l *live) leave(moments chan []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.watchers, moments)
	if len(l.watchers) == 0 && l.stop != nil {
		l.stop()
		l.stop, l.last = nil, nil
	}
}

// look makes moments until nobody watches.
func (l *live) look(ctx context.Context) {
	var before hops.Sample
	var after int64
	last, seen := time.Now(), map[string]time.Time{}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		m := Moment{Time: time.Now(), Status: l.cfg.Status(ctx), Edges: []Edge{}, Refusals: []Refusal{}, Alerts: []alert.Alert{}}
		now, err := l.cfg.Sample(ctx)
		if err != nil {
			m.Trouble = "some service gives no figures"
		} else {
			if before != nil {
				m.Edges = Edges(before, now, m.Time.Sub(last))
			}
			before, last = now, m.Time
		}
		if found, err := l.cfg.Alerts(ctx, alert.Query{After: after}); err == nil {
			for _, one := range found {
				after = max(after, one.Seq)
			}
			m.Alerts = found[max(0, len(found)-mostRefusals):]
		}
		m.Raised = after
		refused := alert.EventQuery{Dataset: event.Decision, Outcome: "failure", Since: m.Time.Add(-late), Limit: mostRefusals}
		if events, err := l.cfg.Events(ctx, refused); err == nil {
			m.Refusals = refusals(unseen(events, seen, m.Time))
		}
		l.send(m)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (l *live) send(m Moment) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m.Doing = l.doing
	text, err := json.Marshal(m)
	if err != nil {
		return
	}
	if len(l.watchers) > 0 {
		l.last = text
	}
	for w := range l.watchers {
		select {
		case w <- text:
		default: // it is slower than we are, and gets the next one
		}
	}
}

// Edges are the rates between two samples, by caller, callee and route.
func Edges(before, after hops.Sample, took time.Duration) []Edge {
	edges := []Edge{}
	refused, failed := between(before, after, 400, 500), between(before, after, 500, 1000)
	for _, r := range hops.Between(before, after) {
		key := [3]string{r.Caller, r.Callee, r.Route}
		edges = append(edges, Edge{Caller: r.Caller, Callee: r.Callee, Route: r.Route, P50: r.P50, P99: r.P99,
			Rate: float64(r.Requests) / took.Seconds(), Refused: refused[key] / took.Seconds(), Failed: failed[key] / took.Seconds()})
	}
	return edges
}

// between counts what was answered with codes of a range.
func between(before, after hops.Sample, from, to int) map[[3]string]float64 {
	of := hops.Sample{}
	for key, h := range after {
		if code, err := strconv.Atoi(key.Code); err == nil && code >= from && code < to {
			of[key] = h
		}
	}
	counts := map[[3]string]float64{}
	for _, r := range hops.Between(before, of) {
		counts[[3]string{r.Caller, r.Callee, r.Route}] += float64(r.Requests)
	}
	return counts
}

// unseen drops the events of earlier moments, and forgets those that can't come again.
func unseen(events []alert.Event, seen map[string]time.Time, now time.Time) (fresh []alert.Event) {
	for _, e := range events {
		if _, ok := seen[e.ID]; !ok {
			fresh = append(fresh, e)
		}
		seen[e.ID] = now
	}
	for id, last := range seen {
		if now.Sub(last) > 2*late {
			delete(seen, id)
		}
	}
	return fresh
}

func refusals(events []alert.Event) []Refusal {
	all := []Refusal{}
	for _, e := range events {
		text := func(name string) string {
			s, _ := e.Fields[name].(string)
			return s
		}
		all = append(all, Refusal{Time: e.Time, Service: text(event.Service), Caller: text(event.Caller), Control: text(event.RuleID),
			Reason: text(event.Reason), Request: text("http.request.id")})
	}
	return all
}

// stream sends moments as server-sent events.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	moments, leave, ok := s.live.watch(r.Context())
	if !ok {
		http.Error(w, "Too many pages watch already.", http.StatusServiceUnavailable)
		return
	}
	defer leave()
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	if out.Flush() != nil { // open, before there is a moment
		return
	}
	for {
		select {
		case m := <-moments:
			_ = out.SetWriteDeadline(time.Now().Add(10 * time.Second))
			if _, err := fmt.Fprintf(w, "data: %s\n\n", m); err != nil || out.Flush() != nil {
				return
			}
		case <-r.Context().Done():
			return
		}
	}
}
