package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	collogspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	"google.golang.org/protobuf/proto"

	"redoubt.example/services/platform/alert"
	"redoubt.example/services/platform/boundarytest"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/controls/controlstest"
	"redoubt.example/services/platform/event"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/httpserver"
	"redoubt.example/services/sentinel/internal/httpapi"
)

// parts are what the routes are made of, in memory.
type parts struct {
	mu     sync.Mutex
	full   bool
	events []*event.Event
	asked  alert.Query
	sought alert.EventQuery
	done   []alert.Response
}

func (*parts) Incidents() []alert.Incident { return []alert.Incident{{ID: "INC-1"}} }

func (p *parts) Respond(_ context.Context, r alert.Response) error {
	if r.Alert == "unknown" {
		return fault.New(fault.NotFound, "there is no alert with this ID")
	}
	p.done = append(p.done, r)
	return nil
}

func (p *parts) Offer(events []*event.Event) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.full {
		return false
	}
	p.events = append(p.events, events...)
	return true
}

func (p *parts) Select(_ context.Context, q alert.Query) []alert.Alert {
	p.asked = q
	return []alert.Alert{{Seq: q.After + 1}}
}

func (p *parts) Events(_ context.Context, q alert.EventQuery) ([]alert.Event, error) {
	p.sought = q
	if q.Service == "away" {
		return nil, fault.New(fault.Unavailable, "the store is away")
	}
	return nil, nil
}

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func (p *parts) api() httpapi.API {
	return httpapi.API{Stream: p, Book: p, Store: p, Now: func() time.Time { return noon }, Local: []string{"vault"},
		Health: func() alert.Health { return alert.Health{Events: 7} }, Flows: func() []alert.Flow { return []alert.Flow{{Callee: "payments"}} }}
}

func decided(t *testing.T, reporter, id string) *event.Event {
	t.Helper()
	e, ok := event.FromLog([]byte(`{"time":"2026-11-28T11:59:59Z","level":"WARN","msg":"decision","service":"` + reporter +
		`","control":"app.policy","decision":"deny","request_id":"` + id + `"}`))
	require.True(t, ok)
	return e
}

// request is an ExportLogsServiceRequest; each batch is of the reporter of its first event.
func request(t *testing.T, batches ...[]*event.Event) *collogspb.ExportLogsServiceRequest {
	t.Helper()
	r := &collogspb.ExportLogsServiceRequest{}
	for _, events := range batches {
		batch, err := event.ToOTLP(events[0].Reporter(), events)
		require.NoError(t, err)
		r.ResourceLogs = append(r.ResourceLogs, batch)
	}
	return r
}

func encode(t *testing.T, r *collogspb.ExportLogsServiceRequest) []byte {
	t.Helper()
	raw, err := proto.Marshal(r)
	require.NoError(t, err)
	return raw
}

func packed(t *testing.T, raw []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(raw)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

type answered struct {
	status int
	header http.Header
	body   []byte
}

func post(t *testing.T, client *http.Client, url string, body []byte, header ...string) answered {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-protobuf")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := client.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return answered{res.StatusCode, res.Header, text}
}

func serve(t *testing.T) (*boundarytest.Harness, *parts) {
	t.Helper()
	h, p := boundarytest.New(t, "sentinel", nil), &parts{}
	s, err := httpserver.New(h.Config, p.api().Routes()...)
	require.NoError(t, err)
	h.Serve(s.Serve)
	return h, p
}

const logs = "http://sentinel/v1/logs"

func TestRefused(t *testing.T) {
	h, p := serve(t)
	own := encode(t, request(t, []*event.Event{decided(t, "payments", "1")}))
	foreign := request(t, []*event.Event{decided(t, "payments", "1")}, []*event.Event{decided(t, "gateway", "1")})
	unnamed := request(t, []*event.Event{decided(t, "payments", "1")})
	unnamed.ResourceLogs[0].Resource = nil
	for name, c := range map[string]struct {
		caller string
		body   []byte
		header []string
		status int
	}{
		"another's name":                {"notification", own, nil, http.StatusForbidden},
		"another's name among one's":    {"payments", encode(t, foreign), nil, http.StatusForbidden},
		"nobody's name":                 {"payments", encode(t, unnamed), nil, http.StatusForbidden},
		"Vault's name":                  {"payments", encode(t, request(t, []*event.Event{decided(t, "vault", "1")})), nil, http.StatusForbidden},
		"a caller that isn't listed":    {"sentinel", own, nil, http.StatusForbidden},
		"not protobuf":                  {"payments", []byte("{"), nil, http.StatusBadRequest},
		"JSON":                          {"payments", []byte("{}"), []string{"Content-Type", "application/json"}, http.StatusBadRequest},
		"no gzip":                       {"payments", own, []string{"Content-Encoding", "gzip"}, http.StatusBadRequest},
		"cut off":                       {"payments", packed(t, own)[:20], []string{"Content-Encoding", "gzip"}, http.StatusBadRequest},
		"an encoding of nobody's":       {"payments", own, []string{"Content-Encoding", "br"}, http.StatusBadRequest},
		"too large":                     {"payments", make([]byte, 1<<20+1), nil, http.StatusRequestEntityTooLarge},
		"too large when it is unpacked": {"payments", packed(t, make([]byte, 4<<20+1)), []string{"Content-Encoding", "gzip"}, http.StatusRequestEntityTooLarge},
	} {
		got := post(t, h.HTTP(c.caller), logs, c.body, c.header...)
		require.Equal(t, c.status, got.status, "%s: %s", name, got.body)
	}
	require.Empty(t, p.events)
	records := h.Logged(`"control":"app.events.reporter"`, `"decision":"deny"`)
	require.Len(t, records, 4, "each batch in another's name, and nothing else")
	require.Contains(t, records[0], `"caller":"`)

	p.full = true
	got := post(t, h.HTTP("payments"), logs, own)
	require.Equal(t, http.StatusServiceUnavailable, got.status)
	require.Equal(t, "1", got.header.Get("Retry-After"))
}

func TestTaken(t *testing.T) {
	h, p := serve(t)
	raw := encode(t, request(t, []*event.Event{decided(t, "payments", "1"), decided(t, "payments", "2")}))
	for _, got := range []answered{post(t, h.HTTP("payments"), logs, raw), post(t, h.HTTP("payments"), logs, packed(t, raw), "Content-Encoding", "gzip")} {
		require.Equal(t, http.StatusOK, got.status, "%s", got.body)
		require.Equal(t, "application/x-protobuf", got.header.Get("Content-Type"))
		require.Empty(t, got.body, "all of it was taken")
	}
	require.Len(t, p.events, 4)
	require.Equal(t, "payments", p.events[0].Reporter())
	require.Equal(t, noon, p.events[0].Observed)
}

// TestPartialSuccess: of a batch with bad records the good ones are taken, and the answer says so as OTLP has it.
func TestPartialSuccess(t *testing.T) {
	h, p := serve(t)
	r := request(t, []*event.Event{decided(t, "payments", "1"), decided(t, "payments", "2"), decided(t, "payments", "3")})
	records := r.ResourceLogs[0].ScopeLogs[0].LogRecords
	records[0].Attributes = append(records[0].Attributes, attribute("user.email", "x"))
	records[2].Attributes = append(records[2].Attributes, attribute("service.name", "gateway")) // in another's name after all
	got := post(t, h.HTTP("payments"), logs, encode(t, r))
	require.Equal(t, http.StatusOK, got.status)
	var answer collogspb.ExportLogsServiceResponse
	require.NoError(t, proto.Unmarshal(got.body, &answer))
	require.EqualValues(t, 2, answer.GetPartialSuccess().GetRejectedLogRecords())
	require.Contains(t, answer.GetPartialSuccess().GetErrorMessage(), "user.email")
	require.Len(t, p.events, 1)
	require.Equal(t, "2", p.events[0].Text("http.request.id"))
}

func attribute(name, value string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: name, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: value}}}
}

// admin serves the admin socket's routes as a workload does.
func admin(t *testing.T) (*http.Client, *parts) {
	t.Helper()
	h, p := boundarytest.New(t, "sentinel", nil), &parts{}
	socket := filepath.Join(h.RunDir, "admin.sock")
	var options []httpserver.AdminOption
	for pattern, handle := range p.api().Admin() {
		options = append(options, httpserver.WithHandler(pattern, handle))
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() {
		ended <- httpserver.Admin(ctx, socket, h.Config.Metrics, func() error { return nil }, options...)
	}()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}}
	t.Cleanup(func() { stop(); require.NoError(t, <-ended) })
	require.Eventually(t, func() bool { status, _ := get(t, client, "/livez"); return status == http.StatusOK }, 5*time.Second, 5*time.Millisecond)
	return client, p
}

func get(t *testing.T, client *http.Client, path string) (int, string) {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://admin"+path, nil)
	require.NoError(t, err)
	res, err := client.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(text)
}

func TestBadQuestions(t *testing.T) {
	client, _ := admin(t)
	for path, want := range map[string]string{
		alert.Path + "?after=-1":                                  "after",
		alert.Path + "?after=x":                                   "after",
		alert.Path + "?wait=31s":                                  "wait",
		alert.Path + "?wait=-1s":                                  "wait",
		alert.Path + "?since=yesterday":                           "since",
		alert.Path + "?follow=1":                                  "follow",
		alert.Path + "?rule=a&rule=b":                             "rule",
		alert.EventsPath + "?limit=10001":                         "limit",
		alert.EventsPath + "?request=" + strings.Repeat("x", 257): "request",
		alert.EventsPath + "?until=2026-11-28":                    "until",
		alert.EventsPath + "?service=away":                        "away",
	} {
		status, body := get(t, client, path)
		require.GreaterOrEqual(t, status, 400, path)
		require.Contains(t, body, want, path)
	}
}

func TestQuestions(t *testing.T) {
	client, p := admin(t)
	status, body := get(t, client, alert.Path+"?after=41&wait=20s&rule=flood&since=2026-11-28T12:00:00Z")
	require.Equal(t, http.StatusOK, status)
	require.JSONEq(t, "42", string(seq(t, body)))
	require.Equal(t, alert.Query{After: 41, Wait: 20 * time.Second, Rule: "flood", Since: noon}, p.asked)

	status, body = get(t, client, alert.EventsPath+"?request=a&service=b&principal=c&control=d&caller=e&dataset=f&outcome=g&limit=9&until=2026-11-28T12:00:00Z")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "[]", strings.TrimSpace(body), "none is an empty list")
	require.Equal(t, alert.EventQuery{Request: "a", Service: "b", Principal: "c", Control: "d", Caller: "e", Dataset: "f", Outcome: "g", Limit: 9, Until: noon}, p.sought)

	status, body = get(t, client, alert.HealthPath)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, `"events":7`)
	_, body = get(t, client, alert.IncidentsPath)
	require.Contains(t, body, `"id":"INC-1"`)
	_, body = get(t, client, alert.FlowsPath)
	require.Contains(t, body, `"callee":"payments"`)
}

func TestResponses(t *testing.T) {
	client, p := admin(t)
	good := alert.Response{ID: "r1", Alert: "a1", Runbook: "isolate", Action: "isolate-service", Target: "notification", State: "done", By: "auto", Time: noon}
	for name, spoil := range map[string]func(*alert.Response){
		"no ID":                     func(r *alert.Response) { r.ID = "" },
		"no target":                 func(r *alert.Response) { r.Target = "" },
		"a name too long":           func(r *alert.Response) { r.Runbook = strings.Repeat("x", 129) },
		"a state of nobody's":       func(r *alert.Response) { r.State = "tried" },
		"a reason too long":         func(r *alert.Response) { r.Reason = strings.Repeat("x", 1025) },
		"no time":                   func(r *alert.Response) { r.Time = time.Time{} },
		"an alert that isn't known": func(r *alert.Response) { r.Alert = "unknown" },
	} {
		bad := good
		spoil(&bad)
		body, err := json.Marshal(bad)
		require.NoError(t, err)
		require.GreaterOrEqual(t, post(t, client, "http://admin"+alert.ResponsesPath, body).status, 400, name)
	}
	for _, body := range []string{"", "{", `{"ID":1}`, `{"more":"x"}`, strings.Repeat(" ", 17<<10)} {
		require.GreaterOrEqual(t, post(t, client, "http://admin"+alert.ResponsesPath, []byte(body)).status, 400, body)
	}
	require.Empty(t, p.done)
	body, err := json.Marshal(good)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, post(t, client, "http://admin"+alert.ResponsesPath, body).status)
	require.Equal(t, []alert.Response{good}, p.done)
}

func seq(t *testing.T, body string) json.RawMessage {
	t.Helper()
	var all []struct{ Seq json.RawMessage }
	require.NoError(t, json.Unmarshal([]byte(body), &all))
	require.Len(t, all, 1)
	return all[0].Seq
}

// TestTheOperatorReportsForOthers: for those who have no place in the mesh, and for nobody else.
func TestTheOperatorReportsForOthers(t *testing.T) {
	client, p := admin(t)
	got := post(t, client, "http://admin"+alert.AuditPath, encode(t, request(t, []*event.Event{decided(t, "payments", "1")})))
	require.Equal(t, http.StatusForbidden, got.status)
	require.Empty(t, p.events)
	got = post(t, client, "http://admin"+alert.AuditPath, encode(t, request(t, []*event.Event{decided(t, "vault", "1")})))
	require.Equal(t, http.StatusOK, got.status, "%s", got.body)
	require.Len(t, p.events, 1)
}

// TestWithoutTheCheck: whose name is in the batch, that is believed.
func TestWithoutTheCheck(t *testing.T) {
	controlstest.Off(t, func() {
		h, p := serve(t)
		got := post(t, h.HTTP("notification"), logs, encode(t, request(t, []*event.Event{decided(t, "payments", "1")})))
		require.Equal(t, http.StatusOK, got.status)
		require.Equal(t, "payments", p.events[0].Reporter())
	}, controls.AppEventsReporter)
}
