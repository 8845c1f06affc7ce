package httpapi

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"redoubt.example/services/platform/alert"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/httpserver"
)

// Admin returns the routes of the admin socket, as net/http.ServeMux spells them.
func (a API) Admin() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"GET " + alert.Path:           a.alerts,
		"GET " + alert.EventsPath:     answer(a.search),
		"GET " + alert.HealthPath:     answer(func(*http.Request) (any, error) { return a.Health(), nil }),
		"GET " + alert.IncidentsPath:  answer(func(*http.Request) (any, error) { return a.Book.Incidents(), nil }),
		"GET " + alert.FlowsPath:      answer(func(*http.Request) (any, error) { return a.Flows(), nil }),
		"POST " + alert.ResponsesPath: answer(a.respond),
		"POST " + alert.AuditPath:     a.audit,
	}
}

// answer writes what do returns as JSON, or its error as a problem.
func answer(do func(r *http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := do(r)
		reply(w, r, body, err)
	}
}

func reply(w http.ResponseWriter, r *http.Request, body any, err error) {
	if err != nil {
		fault.WriteProblem(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}

// margin is what an answer may take beyond the time that was waited for it.
const margin = 10 * time.Second

// alerts waits, if that is asked for, until there are some.
func (a API) alerts(w http.ResponseWriter, r *http.Request) {
	q, err := alertQuery(r.URL.Query())
	if err == nil && q.Wait > 0 {
		err = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(q.Wait + margin))
	}
	if err != nil {
		reply(w, r, nil, err)
		return
	}
	reply(w, r, a.Book.Select(r.Context(), q), nil)
}

func (a API) search(r *http.Request) (any, error) {
	q, err := eventQuery(r.URL.Query())
	if err != nil {
		return nil, err
	}
	events, err := a.Store.Events(r.Context(), q)
	if events == nil {
		events = []alert.Event{}
	}
	return events, err
}

// states are those that a response can be in.
var states = []string{"proposed", "done", "refused", "undone", "expired", "failed"}

const (
	maxResponse = 16 << 10
	maxName     = 128
	maxReason   = 1024
)

// respond takes what was done about an alert.
func (a API) respond(r *http.Request) (any, error) {
	text, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxResponse))
	if err != nil {
		return nil, fault.Wrap(fault.TooLarge, err, "the body can't be read, or is larger than %d bytes", maxResponse)
	}
	var done alert.Response
	if err := httpserver.Decode(text, &done); err != nil {
		return nil, err
	}
	for name, value := range map[string]string{"id": done.ID, "alert": done.Alert, "runbook": done.Runbook, "action": done.Action, "target": done.Target, "by": done.By} {
		if value == "" || len(value) > maxName {
			return nil, fault.New(fault.Invalid, "%s is missing, or longer than %d bytes", name, maxName)
		}
	}
	switch {
	case !slices.Contains(states, done.State):
		return nil, fault.New(fault.Invalid, "state is one of %s", strings.Join(states, ", "))
	case len(done.Reason) > maxReason:
		return nil, fault.New(fault.Invalid, "reason is longer than %d bytes", maxReason)
	case done.Time.IsZero():
		return nil, fault.New(fault.Invalid, "time is missing")
	}
	return done, a.Book.Respond(r.Context(), done)
}

// audit takes events of those who have no place in the mesh, from the operator and from sentinel's own sidecar.
func (a API) audit(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	reply, err := a.take(r, a.Local...)
	if err != nil {
		fault.WriteProblem(w, r, err)
		return
	}
	w.Header().Set("Content-Type", protobuf)
	_, _ = w.Write(reply)
}
