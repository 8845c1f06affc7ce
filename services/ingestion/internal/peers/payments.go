// Package peers speaks to the services that ingestion needs, over the mesh. Every error is a fault.
package peers

import (
	"context"
	"net/http"

	"github.com/google/uuid"
	"redoubt.example/services/ingestion/internal/documents"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/idempotency"
	"redoubt.example/services/platform/upstream"
)

// Payments implements documents.Payments. Each call names what it does by an idempotency key, so the client may
// repeat it.
type Payments struct{ Client *upstream.Client }

var _ documents.Payments = Payments{}

// Authorize implements documents.Payments.
func (p Payments) Authorize(ctx context.Context, key string, amount int64, reference string) (uuid.UUID, error) {
	in := struct {
		Amount    int64  `json:"amount"`
		Reference string `json:"reference"`
	}{amount, reference}
	var out struct {
		ID uuid.UUID `json:"id"`
	}
	if err := p.Client.Call(ctx, http.MethodPost, "/v1/authorizations", once(key), in, &out); err != nil {
		return uuid.Nil, err
	}
	if out.ID == uuid.Nil {
		return uuid.Nil, fault.New(fault.UpstreamFailed, "payments answered without an authorization")
	}
	return out.ID, nil
}

// Capture implements documents.Payments.
func (p Payments) Capture(ctx context.Context, authorization uuid.UUID) error {
	return p.Client.Call(ctx, http.MethodPost, "/v1/authorizations/"+authorization.String()+"/capture",
		once("capture-"+authorization.String()), struct{}{}, nil)
}

// Void implements documents.Payments.
func (p Payments) Void(ctx context.Context, authorization uuid.UUID) error {
	return p.Client.Call(ctx, http.MethodPost, "/v1/authorizations/"+authorization.String()+"/void",
		once("void-"+authorization.String()), struct{}{}, nil)
}

// Settle implements documents.Payments.
func (p Payments) Settle(ctx context.Context, authorization uuid.UUID) error {
	in := struct {
		AuthorizationID uuid.UUID `json:"authorization_id"`
		Outcome         string    `json:"outcome"`
	}{authorization, "capture"}
	return p.Client.Call(ctx, http.MethodPost, "/v1/settlements", once("settle-"+authorization.String()), in, nil)
}

func once(key string) http.Header { return http.Header{idempotency.Header: {key}} }
