package httpapi

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"redoubt.example/services/payments/internal/ledger"
	"redoubt.example/services/platform/httpserver"
)

func (a api) setState(c echo.Context) error {
	var body struct {
		State ledger.AccountState `json:"state"`
	}
	if err := httpserver.Bind(c, &body, maxBody); err != nil {
		return err
	}
	ctx, owner := c.Request().Context(), c.Param("owner")
	if err := a.ledger.SetState(ctx, actor(ctx), owner, body.State); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, struct {
		Owner string              `json:"owner"`
		State ledger.AccountState `json:"state"`
	}{owner, body.State})
}
