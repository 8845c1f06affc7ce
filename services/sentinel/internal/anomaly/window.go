package anomaly

import (
	"time"

	"redoubt.example/services/platform/event"
)

// cell is what an edge did in a window.
type cell struct {
	calls, refused, measured int
	bytes                    int64
	first                    time.Time
	request                  string // one of them, to look up
}

// window is what happened in Window from its number on.
type window struct {
	requests map[string]float64 // at the gateway, by edge route
	cells    map[*edge]*cell
}

func (c *cell) add(ev *event.Event, refused bool) {
	c.calls++
	status := number(ev, "http.response.status_code")
	if refused || status >= 400 && status < 500 {
		c.refused++
	}
	if _, ok := ev.Fields["http.response.bytes"]; ok {
		c.measured++
		c.bytes += int64(number(ev, "http.response.bytes"))
	}
}

// exposure is how many requests may have led to an edge's calls in a window; where none has to come first, 1.
func (w *window) exposure(e *edge) (requests float64) {
	if len(e.entries) == 0 {
		return 1
	}
	for _, route := range e.entries {
		requests += w.requests[route]
	}
	return requests
}

func (b *Baseline) window(n int64) *window {
	if n <= b.closed && !b.now.IsZero() {
		return nil
	}
	w := b.windows[n]
	if w == nil {
		w = &window{requests: map[string]float64{}, cells: map[*edge]*cell{}}
		b.windows[n] = w
	}
	return w
}

func windowOf(at time.Time) int64 { return at.UnixNano() / int64(Window) }

func number(ev *event.Event, field string) int { n, _ := ev.Fields[field].(int); return n }
