// Package payments asks the payments service, over the mesh, to set a principal's credits aside, and to earn or
// return them. Errors are faults. Each call names what it does by an idempotency key, so it may be repeated.
package payments

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"redoubt.example/services/platform/authn"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/idempotency"
	"redoubt.example/services/platform/upstream"
)

// tokenMargin is what a transaction token must have left for one more call.
const tokenMargin = 2 * time.Second

// Client implements inference.Payments.
type Client struct{ Upstream *upstream.Client }

// Authorize sets amount aside for the principal of ctx. InsufficientCredits when it isn't there.
func (c Client) Authorize(ctx context.Context, key string, amount int64, reference string) (string, error) {
	in := struct {
		Amount    int64  `json:"amount"`
		Reference string `json:"reference"`
	}{amount, reference}
	var out struct {
		ID string `json:"id"`
	}
	if err := c.Upstream.Call(ctx, http.MethodPost, "/v1/authorizations", once(key), in, &out); err != nil {
		return "", err
	}
	if out.ID == "" {
		return "", fault.New(fault.UpstreamFailed, "payments answered without an authorization")
	}
	return out.ID, nil
}

// Capture earns what was set aside.
func (c Client) Capture(ctx context.Context, id string) error { return c.settle(ctx, id, "capture") }

// Void returns what was set aside.
func (c Client) Void(ctx context.Context, id string) error { return c.settle(ctx, id, "void") }

// settle speaks for the principal as long as the transaction token lasts. A stream may outlive it: then we settle as
// the service that made the authorization, which payments allows for its own ones only.
func (c Client) settle(ctx context.Context, id, outcome string) error {
	header := once(outcome + "-" + id)
	if token, ok := authn.FromContext(ctx); ok && time.Until(token.Expires) > tokenMargin {
		path := "/v1/authorizations/" + url.PathEscape(id) + "/" + outcome
		err := c.Upstream.Call(ctx, http.MethodPost, path, header, struct{}{}, nil)
		if fault.KindOf(err) != fault.Unauthenticated { // nil included
			return err
		}
	}
	in := struct {
		AuthorizationID string `json:"authorization_id"`
		Outcome         string `json:"outcome"`
	}{id, outcome}
	return c.Upstream.Call(ctx, http.MethodPost, "/v1/settlements", header, in, nil)
}

func once(key string) http.Header { return http.Header{idempotency.Header: {key}} }
