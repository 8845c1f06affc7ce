package httpapi

import (
	"io"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"redoubt.example/services/notification/internal/webhook"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/httpserver"
	"redoubt.example/services/platform/policy"
)

type endpoint struct {
	ID        string    `json:"id"`
	URL       string    `json:"url"`
	Events    []string  `json:"events"`
	Secret    string    `json:"secret,omitempty"` // only in the answer that creates it
	CreatedAt time.Time `json:"created_at"`
}

func endpointOf(e webhook.Endpoint) endpoint {
	return endpoint{ID: e.ID.String(), URL: e.URL, Events: e.Events, CreatedAt: e.CreatedAt.UTC()}
}

func (a API) createEndpoint(c echo.Context) error {
	who, err := principal(c)
	if err != nil {
		return err
	}
	var in struct {
		URL    string   `json:"url"`
		Events []string `json:"events"`
	}
	if err := httpserver.Bind(c, &in, maxSmall); err != nil {
		return err
	}
	created, secret, err := a.Endpoints.Create(c.Request().Context(), who, in.URL, in.Events)
	if err != nil {
		return err
	}
	out := endpointOf(created)
	out.Secret = secret.Reveal()
	return reply(c, "/v1/webhook-endpoints/"+out.ID, out)
}

func (a API) listEndpoints(c echo.Context) error {
	who, err := principal(c)
	if err != nil {
		return err
	}
	endpoints, err := a.Endpoints.Endpoints(c.Request().Context(), who)
	if err != nil {
		return err
	}
	out := make([]endpoint, len(endpoints))
	for i, e := range endpoints {
		out[i] = endpointOf(e)
	}
	return c.JSON(http.StatusOK, map[string]any{"endpoints": out})
}

// deleteEndpoint doesn't tell somebody else's endpoint from none.
func (a API) deleteEndpoint(c echo.Context) error {
	ctx := c.Request().Context()
	who, err := principal(c)
	if err != nil {
		return err
	}
	id, err := uuid.Parse(c.Param("id"))
	if err != nil || id.String() != c.Param("id") {
		return fault.New(fault.NotFound, "no such webhook endpoint")
	}
	e, err := a.Endpoints.Endpoint(ctx, id)
	if err != nil {
		return err
	}
	err = policy.Check(ctx, policy.Object{Owner: e.Owner})
	if fault.KindOf(err) == fault.Denied {
		return fault.Wrap(fault.NotFound, err, "no such webhook endpoint")
	}
	if err != nil {
		return err
	}
	if err := a.Endpoints.DeleteEndpoint(ctx, who, id); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (a API) createSource(c echo.Context) error {
	who, err := principal(c)
	if err != nil {
		return err
	}
	var in struct {
		Name string `json:"name"`
	}
	if err := httpserver.Bind(c, &in, maxSmall); err != nil {
		return err
	}
	created, secret, err := a.Sources.Create(c.Request().Context(), who, in.Name)
	if err != nil {
		return err
	}
	return reply(c, "/v1/webhooks/"+created.Name, map[string]string{"name": created.Name, "secret": secret.Reveal()})
}

// receive takes the body as it came: a signature is over bytes, not over what they mean.
func (a API) receive(c echo.Context) error {
	r := c.Request()
	body, err := io.ReadAll(r.Body) // bounded by the route
	if err != nil {
		return err
	}
	headers := webhook.Headers{
		ID: single(r, webhook.HeaderID), Timestamp: single(r, webhook.HeaderTimestamp), Signature: single(r, webhook.HeaderSignature),
	}
	if err := a.Receiver.Receive(r.Context(), c.Param("source"), headers, body); err != nil {
		return err
	}
	return c.NoContent(http.StatusAccepted)
}

// single returns a header that is there exactly once, else "".
func single(r *http.Request, name string) string {
	if values := r.Header.Values(name); len(values) == 1 {
		return values[0]
	}
	return ""
}

// reply answers with something new, which no cache may keep: it holds a secret.
func reply(c echo.Context, location string, body any) error {
	c.Response().Header().Set("Location", location)
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusCreated, body)
}
