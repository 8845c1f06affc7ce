// Package httpapi is the intake of documents over HTTP: it decodes, calls the intake and encodes. Every error is
// a fault, which the server turns into a problem document.
package httpapi

import (
	"context"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"redoubt.example/services/ingestion/internal/documents"
	"redoubt.example/services/platform/authn"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/httpserver"
	"redoubt.example/services/platform/idempotency"
	"redoubt.example/services/platform/paging"
)

// maxBody is the gateway's own limit: 256 KiB of text fit even where JSON escapes most of it.
const maxBody = 1 << 20

type api struct{ intake *documents.Intake }

// Routes returns the handlers of topology.yaml's routes for ingestion.
func Routes(intake *documents.Intake) []httpserver.Route {
	a := api{intake}
	return []httpserver.Route{
		{Route: "POST /v1/documents", Handle: a.create, MaxBody: maxBody},
		{Route: "POST /v1/documents:batch", Handle: a.createAll, MaxBody: maxBody},
		{Route: "GET /v1/documents", Handle: a.list},
		{Route: "GET /v1/documents/{id}", Handle: a.get},
	}
}

// principal is the end user, as the transaction token has proved.
func principal(ctx context.Context) (string, error) {
	token, ok := authn.FromContext(ctx)
	if !ok || token.Subject == "" {
		return "", fault.New(fault.Internal, "no principal on a route that needs one")
	}
	return token.Subject, nil
}

func (a api) create(c echo.Context) error {
	var body draftJSON
	key, err := idempotency.Optional(c.Request().Header)
	if err != nil {
		return err
	}
	if err := httpserver.Bind(c, &body, maxBody); err != nil {
		return err
	}
	ctx := c.Request().Context()
	owner, err := principal(ctx)
	if err != nil {
		return err
	}
	d, err := a.intake.Take(ctx, owner, key, documents.Draft(body))
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderLocation, "/v1/documents/"+d.ID.String())
	return c.JSON(http.StatusCreated, summaryOf(d))
}

func (a api) get(c echo.Context) error {
	id, err := uuid.Parse(c.Param("id"))
	if err != nil || id.String() != c.Param("id") { // one spelling per ID
		return fault.New(fault.NotFound, "no such document")
	}
	d, err := a.intake.Get(c.Request().Context(), id)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, wholeJSON{summaryOf(d), d.Text, d.Metadata})
}

func (a api) list(c echo.Context) error {
	var before documents.Position
	limit, err := paging.Read(c.QueryParams(), &before)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	owner, err := principal(ctx)
	if err != nil {
		return err
	}
	page, next, err := a.intake.List(ctx, owner, before, limit)
	if err != nil {
		return err
	}
	out := listJSON{Documents: make([]summaryJSON, len(page))}
	for i, d := range page {
		out.Documents[i] = summaryOf(d)
	}
	if next != (documents.Position{}) {
		out.Next = paging.Cursor(next)
	}
	return c.JSON(http.StatusOK, out)
}
