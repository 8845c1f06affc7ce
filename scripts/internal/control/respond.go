package control

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"redoubt.example/scripts/internal/respond"
	"redoubt.example/threatmodel"
)

// Responses is what was done, proposed and refused, newest first, and how far each runbook goes.
type Responses struct {
	Runbooks  []RunbookMode   `json:"runbooks"`
	Responses []respond.Entry `json:"responses"`
}

// RunbookMode is how far a runbook goes now.
type RunbookMode struct {
	ID    string           `json:"id"`
	Title string           `json:"title"`
	Mode  threatmodel.Mode `json:"mode"`
}

// ResponseOrder asks for what no alert has asked for. The target is the one that alerts name, or a user's name, or an access token.
type ResponseOrder struct {
	Action      string        `json:"action"`
	Target      string        `json:"target,omitempty"`
	User        string        `json:"user,omitempty"`
	AccessToken string        `json:"access_token,omitempty"`
	For         time.Duration `json:"for"`
	By          string        `json:"by"`
}

// Responder is a Lab that answers alerts.
type Responder interface {
	Responses(ctx context.Context) (Responses, error)
	ApproveResponse(ctx context.Context, id, by string) (respond.Entry, error)
	// UndoResponse returns when what was done is undone, a service that was isolated ready again.
	UndoResponse(ctx context.Context, id, by string) (respond.Entry, error)
	OrderResponse(ctx context.Context, ask ResponseOrder) (respond.Entry, error)
	SetRunbookMode(ctx context.Context, runbook string, mode threatmodel.Mode) error
}

// Responses is Responder's.
func (c *Client) Responses(ctx context.Context) (all Responses, err error) {
	return all, c.call(ctx, http.MethodGet, "/v1/responses", nil, &all)
}

type by struct {
	By string `json:"by"`
}

// ApproveResponse is Responder's.
func (c *Client) ApproveResponse(ctx context.Context, id, who string) (done respond.Entry, err error) {
	return done, c.call(ctx, http.MethodPost, "/v1/responses/"+url.PathEscape(id)+"/approve", by{who}, &done)
}

// UndoResponse is Responder's.
func (c *Client) UndoResponse(ctx context.Context, id, who string) (done respond.Entry, err error) {
	return done, c.call(ctx, http.MethodPost, "/v1/responses/"+url.PathEscape(id)+"/undo", by{who}, &done)
}

// OrderResponse is Responder's.
func (c *Client) OrderResponse(ctx context.Context, ask ResponseOrder) (done respond.Entry, err error) {
	return done, c.call(ctx, http.MethodPost, "/v1/responses", ask, &done)
}

type modeRequest struct {
	Mode threatmodel.Mode `json:"mode"`
}

// SetRunbookMode is Responder's.
func (c *Client) SetRunbookMode(ctx context.Context, runbook string, mode threatmodel.Mode) error {
	return c.call(ctx, http.MethodPut, "/v1/runbooks/"+url.PathEscape(runbook)+"/mode", modeRequest{mode}, nil)
}

func handleResponses(mux *http.ServeMux, l Responder) {
	mux.HandleFunc("GET /v1/responses", func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, func(ctx context.Context) (any, error) { return l.Responses(ctx) })
	})
	mux.HandleFunc("POST /v1/responses", withBody(func(ctx context.Context, ask ResponseOrder) (any, error) {
		return l.OrderResponse(ctx, ask)
	}))
	mux.HandleFunc("POST /v1/responses/{id}/approve", func(w http.ResponseWriter, r *http.Request) {
		withBody(func(ctx context.Context, ask by) (any, error) {
			return l.ApproveResponse(ctx, r.PathValue("id"), ask.By)
		})(w, r)
	})
	mux.HandleFunc("POST /v1/responses/{id}/undo", func(w http.ResponseWriter, r *http.Request) {
		withBody(func(ctx context.Context, ask by) (any, error) { return l.UndoResponse(ctx, r.PathValue("id"), ask.By) })(w, r)
	})
	mux.HandleFunc("PUT /v1/runbooks/{id}/mode", func(w http.ResponseWriter, r *http.Request) {
		withBody(func(ctx context.Context, ask modeRequest) (any, error) {
			return struct{}{}, l.SetRunbookMode(ctx, r.PathValue("id"), ask.Mode)
		})(w, r)
	})
}
