// Package timing reads where a request's time went from the Server-Timing field of its response: a tree, hop by hop,
// for the verbs that show or measure it. Times are microseconds.
package timing

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"redoubt.example/services/platform/servertiming"
)

// ErrNone: the response says nothing of times. The access token hasn't the scope, or the body wasn't read to its end.
var ErrNone = errors.New("the response has no Server-Timing: the access token needs the scope " + servertiming.Scope)

// client is the caller of the outermost hop.
const client = "client"

// Trace is one request, as its client saw it: Client = Sum + Residual.
type Trace struct {
	Client   float64 `json:"client_us"` // the round trip, until the end of the answer
	Sum      float64 `json:"sum_us"`    // of all parts and transits at all hops, what ran at once counted once
	Residual float64 `json:"residual_us"`
	// Overlap is what the sum would have too much, because hops waited for several calls at once.
	Overlap float64 `json:"overlap_us"`
	// Truncated: parts of the tree didn't fit into the response.
	Truncated bool `json:"truncated,omitempty"`
	Root      *Hop `json:"hop"`
}

// Hop is one service's part in a request. Total = Self + what it waited for its calls; Self = the controls + Residual.
type Hop struct {
	Name     string  `json:"name"`
	URI      string  `json:"uri"` // the route, as topology.yaml writes it
	Caller   string  `json:"caller"`
	At       float64 `json:"at_us"` // since the caller began, by the caller's clock
	Wait     float64 `json:"round_trip_us"`
	Transit  float64 `json:"transit_us"` // sockets, sidecars, TLS: the round trip less Total
	Total    float64 `json:"total_us"`
	Self     float64 `json:"self_us"`
	Residual float64 `json:"residual_us"`
	// Controls are the parts of Self: controls by their ID, and what else there is, such as database and application.
	Controls []Part `json:"controls"`
	// Injected are delays put into controls to test the measuring, by the injector's clock; they are within Controls.
	Injected []Part `json:"injected,omitempty"`
	Calls    []*Hop `json:"upstream_calls"`
	// Silent: the callee said nothing, and all of Wait is Transit.
	Silent bool `json:"silent,omitempty"`
}

// Part is one control's time at one hop.
type Part struct {
	ID    string  `json:"id"`
	US    float64 `json:"us"`
	Count int     `json:"count"`
}

// Read returns the trace of a response whose body was read to its end: before that, the trailer isn't there. took is the
// client's measured round trip.
func Read(response *http.Response, took time.Duration) (Trace, error) {
	for _, fields := range []http.Header{response.Trailer, response.Header} { // no body, no trailer
		if values := fields.Values(servertiming.Field); len(values) > 0 {
			return Parse(strings.Join(values, ", "), took)
		}
	}
	return Trace{}, ErrNone
}

// Parse is Read for the value of the field itself.
func Parse(value string, took time.Duration) (Trace, error) {
	root, err := servertiming.Parse(value)
	if err != nil {
		return Trace{}, err
	}
	if root.Total > took {
		return Trace{}, fmt.Errorf("%s says that it took %s, of a round trip of %s", root.Service, root.Total, took)
	}
	t := Trace{Client: micros(took), Truncated: root.Truncated}
	t.Root = t.hop(servertiming.Call{Service: root.Service, Wait: took, Hop: root}, client)
	t.Sum = t.Client - t.Residual
	return t, nil
}

// hop makes a hop of a call, and enters its residual and overlap in the trace.
func (t *Trace) hop(c servertiming.Call, caller string) *Hop {
	h := &Hop{
		Name: c.Service, Caller: caller, At: micros(c.At), Wait: micros(c.Wait), Transit: micros(c.Transit()), Silent: c.Hop == nil,
		Controls: []Part{}, Calls: []*Hop{}, // [] in JSON, not null
	}
	if c.Hop == nil {
		return h
	}
	h.URI, h.Total, h.Self, h.Residual = c.Hop.Route, micros(c.Hop.Total), micros(c.Hop.Self()), micros(c.Hop.Residual())
	for _, p := range c.Hop.Parts {
		if id, injected := strings.CutPrefix(p.Name, servertiming.Injected); injected {
			h.Injected = added(h.Injected, Part{id, micros(p.Time), p.Count})
		} else {
			h.Controls = added(h.Controls, Part{p.Name, micros(p.Time), p.Count})
		}
	}
	var each time.Duration
	for _, call := range c.Hop.Calls {
		each += call.Wait
		h.Calls = append(h.Calls, t.hop(call, h.Name))
	}
	t.Residual += h.Residual
	t.Overlap += micros(each - c.Hop.Waited())
	return h
}

// added enters a part once, however often the wire names it: writing and reading ledgers are two entries of one name.
func added(parts []Part, more Part) []Part {
	for i := range parts {
		if parts[i].ID == more.ID {
			parts[i].US += more.US
			parts[i].Count += more.Count
			return parts
		}
	}
	return append(parts, more)
}

// Walk calls f for the hop and all behind it, callers first, with the number of hops before each.
func (h *Hop) Walk(f func(depth int, h *Hop)) { h.walk(0, f) }

func (h *Hop) walk(depth int, f func(int, *Hop)) {
	f(depth, h)
	for _, call := range h.Calls {
		call.walk(depth+1, f)
	}
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
