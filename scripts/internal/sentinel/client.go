// Package sentinel asks sentinel, on its admin socket, what it has found, and tells it what was done about it. Who may open the
// socket is root and sentinel's own user.
package sentinel

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	collogspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/protobuf/proto"

	"redoubt.example/scripts/internal/unixhttp"
	"redoubt.example/services/platform/alert"
	"redoubt.example/services/platform/event"
)

// Client asks one sentinel. It is for many goroutines.
type Client struct {
	http *http.Client
	base string
}

// NewClient returns a client of an admin socket: admin.sock in sentinel's run folder.
func NewClient(socket string) *Client { return NewClientBy(unixhttp.Client(socket), "http://sentinel") }

// NewClientBy returns a client of what lies at a URL and passes questions on. Only those that change nothing may be.
func NewClientBy(by *http.Client, base string) *Client { return &Client{by, base} }

// ErrAway means that sentinel gives no answer: it isn't there, or restarts.
var ErrAway = errors.New("sentinel doesn't answer")

// patience is how long an answer may take beyond what was asked to wait for it.
const patience = 10 * time.Second

// Alerts returns those that a query selects, in the order of their numbers. With Query.Wait it waits until there is one.
func (c *Client) Alerts(ctx context.Context, q alert.Query) (all []alert.Alert, err error) {
	v := url.Values{}
	number(v, "after", q.After)
	set(v, "rule", q.Rule)
	stamp(v, "since", q.Since)
	if q.Wait > 0 {
		v.Set("wait", q.Wait.String())
	}
	err = c.get(ctx, alert.Path, v, q.Wait, &all)
	return all, err
}

// Events returns those that a query selects, oldest first.
func (c *Client) Events(ctx context.Context, q alert.EventQuery) (all []alert.Event, err error) {
	v := url.Values{}
	for name, value := range map[string]string{"request": q.Request, "service": q.Service, "principal": q.Principal, "control": q.Control,
		"caller": q.Caller, "dataset": q.Dataset, "outcome": q.Outcome} {
		set(v, name, value)
	}
	stamp(v, "since", q.Since)
	stamp(v, "until", q.Until)
	number(v, "limit", int64(q.Limit))
	err = c.get(ctx, alert.EventsPath, v, 0, &all)
	return all, err
}

// Incidents returns all that are known, oldest first.
func (c *Client) Incidents(ctx context.Context) (all []alert.Incident, err error) {
	err = c.get(ctx, alert.IncidentsPath, nil, 0, &all)
	return all, err
}

// Flows returns the edges that were seen.
func (c *Client) Flows(ctx context.Context) (all []alert.Flow, err error) {
	err = c.get(ctx, alert.FlowsPath, nil, 0, &all)
	return all, err
}

// Health says how detection itself is.
func (c *Client) Health(ctx context.Context) (h alert.Health, err error) {
	err = c.get(ctx, alert.HealthPath, nil, 0, &h)
	return h, err
}

// Respond tells what was done about an alert, or undone.
func (c *Client) Respond(ctx context.Context, r alert.Response) error {
	body, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = c.do(ctx, http.MethodPost, alert.ResponsesPath, "application/json", body, 0)
	return err
}

// Report hands over events of one that has no place in the mesh: Vault, Consul, PostgreSQL, a job.
func (c *Client) Report(ctx context.Context, reporter string, events []*event.Event) error {
	batch, err := event.ToOTLP(reporter, events)
	if err != nil {
		return err
	}
	body, err := proto.Marshal(&collogspb.ExportLogsServiceRequest{ResourceLogs: []*logspb.ResourceLogs{batch}})
	if err != nil {
		return err
	}
	_, err = c.do(ctx, http.MethodPost, alert.AuditPath, "application/x-protobuf", body, 0)
	return err
}

func (c *Client) get(ctx context.Context, path string, v url.Values, wait time.Duration, into any) error {
	if len(v) > 0 {
		path += "?" + v.Encode()
	}
	body, err := c.do(ctx, http.MethodGet, path, "", nil, wait)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("ask sentinel: %w", err)
	}
	return nil
}

const maxAnswer = 64 << 20

func (c *Client) do(ctx context.Context, method, path, media string, body []byte, wait time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, wait+patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if media != "" {
		req.Header.Set("Content-Type", media)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, errors.Join(ErrAway, err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, errors.Join(ErrAway, err)
	}
	if res.StatusCode == http.StatusBadGateway {
		return nil, ErrAway
	}
	if res.StatusCode >= http.StatusBadRequest {
		var problem struct{ Detail, Title string }
		_ = json.Unmarshal(answer, &problem)
		return nil, &Refused{Status: res.StatusCode, Reason: problem.Detail}
	}
	return answer, nil
}

// Refused is an answer of sentinel's that says no.
type Refused struct {
	Status int
	Reason string
}

func (r *Refused) Error() string {
	return fmt.Sprintf("sentinel refuses: %s (status %d)", r.Reason, r.Status)
}

func set(v url.Values, name, value string) {
	if value != "" {
		v.Set(name, value)
	}
}

func number(v url.Values, name string, n int64) {
	if n != 0 {
		v.Set(name, strconv.FormatInt(n, 10))
	}
}

func stamp(v url.Values, name string, at time.Time) {
	if !at.IsZero() {
		v.Set(name, at.UTC().Format(time.RFC3339Nano))
	}
}
