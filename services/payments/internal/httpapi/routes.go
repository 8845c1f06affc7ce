// Package httpapi is the ledger over HTTP: it decodes, calls the ledger and encodes. Every error is a fault, which
// the server turns into a problem document.
package httpapi

import (
	"context"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"redoubt.example/services/payments/internal/ledger"
	"redoubt.example/services/platform/authn"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/httpserver"
	"redoubt.example/services/platform/mesh"
)

// maxBody is ample for the largest request: a memo of 200 characters.
const maxBody = 8 << 10

type api struct {
	ledger     *ledger.Ledger
	references ledger.References
}

// Routes returns the handlers of topology.yaml's routes for payments.
func Routes(l *ledger.Ledger, references ledger.References) []httpserver.Route {
	a := api{ledger: l, references: references}
	routes := []httpserver.Route{
		{Route: "POST /v1/authorizations", Handle: a.authorize},
		{Route: "POST /v1/authorizations/{id}/capture", Handle: a.capture},
		{Route: "POST /v1/authorizations/{id}/void", Handle: a.void},
		{Route: "POST /v1/settlements", Handle: a.settle},
		{Route: "POST /v1/transfers", Handle: a.credit},
		{Route: "POST /v1/transfers/{id}/refund", Handle: a.refund},
		{Route: "PUT /v1/accounts/{owner}/state", Handle: a.setState},
		{Route: "GET /v1/account", Handle: a.account},
		{Route: "PUT /v1/account/payment-reference", Handle: a.setReference},
		{Route: "GET /v1/account/transfers", Handle: a.transfers},
	}
	for i := range routes {
		routes[i].MaxBody = maxBody
	}
	return routes
}

// actor is who asks, as the mesh and the transaction token have proved.
func actor(ctx context.Context) ledger.Actor {
	var who ledger.Actor
	if id, ok := mesh.Caller(ctx); ok {
		who.Service = id.Service
	}
	if token, ok := authn.FromContext(ctx); ok {
		who.Principal = token.Subject
	}
	return who
}

func pathID(c echo.Context, what string) (uuid.UUID, error) {
	text := c.Param("id")
	id, err := uuid.Parse(text)
	if err != nil || id.String() != text { // one spelling per ID
		return uuid.Nil, fault.New(fault.NotFound, "no such %s", what)
	}
	return id, nil
}

// emptyBody accepts no body, or {}.
func emptyBody(c echo.Context) error {
	if c.Request().ContentLength == 0 {
		return nil
	}
	return httpserver.Bind(c, &struct{}{}, maxBody)
}
