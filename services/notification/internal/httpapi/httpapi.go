// Package httpapi is notification's HTTP interface.
package httpapi

import (
	"github.com/labstack/echo/v4"

	"redoubt.example/services/notification/internal/message"
	"redoubt.example/services/notification/internal/webhook"
	"redoubt.example/services/platform/authn"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/httpserver"
)

// API is what the routes are made of.
type API struct {
	Inbox     message.Inbox
	Endpoints webhook.Endpoints
	Sources   *webhook.Sources
	Receiver  webhook.Receiver
}

// Routes returns notification's routes.
func (a API) Routes() []httpserver.Route {
	return []httpserver.Route{
		{Route: "POST /v1/notifications", Handle: a.send, MaxBody: maxNotification},
		{Route: "GET /v1/inbox", Handle: a.inbox},
		{Route: "POST /v1/webhook-endpoints", Handle: a.createEndpoint, MaxBody: maxSmall},
		{Route: "GET /v1/webhook-endpoints", Handle: a.listEndpoints},
		{Route: "DELETE /v1/webhook-endpoints/{id}", Handle: a.deleteEndpoint},
		{Route: "POST /v1/webhook-sources", Handle: a.createSource, MaxBody: maxSmall},
		{Route: "POST /v1/webhooks/{source}", Handle: a.receive, MaxBody: webhook.MaxBody},
	}
}

const (
	maxNotification = message.MaxData + 4<<10
	maxSmall        = 8 << 10
)

// principal returns who the request is for. The server has checked that there is one where a route needs it; without
// one we would rather fail than use an empty name.
func principal(c echo.Context) (string, error) {
	token, ok := authn.FromContext(c.Request().Context())
	if !ok || token.Subject == "" {
		return "", fault.New(fault.Unauthenticated, "no principal")
	}
	return token.Subject, nil
}
