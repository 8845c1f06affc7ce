package httpapi

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"redoubt.example/services/platform/httpserver"
)

// masked shows of a reference what may be shown.
func masked(hint string) string {
	if hint == "" {
		return ""
	}
	return "••••" + hint
}

func (a api) setReference(c echo.Context) error {
	var body struct {
		Reference string `json:"reference"`
	}
	if err := httpserver.Bind(c, &body, maxBody); err != nil {
		return err
	}
	ctx := c.Request().Context()
	hint, err := a.references.Set(ctx, actor(ctx).Principal, body.Reference)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, struct {
		PaymentReference string `json:"payment_reference"`
	}{masked(hint)})
}
