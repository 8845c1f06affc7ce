package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"redoubt.example/services/payments/internal/ledger"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/httpserver"
	"redoubt.example/services/platform/idempotency"
)

type authorizationJSON struct {
	ID         uuid.UUID    `json:"id"`
	Amount     int64        `json:"amount"`
	Status     ledger.State `json:"status"`
	ExpiresAt  *time.Time   `json:"expires_at,omitempty"`  // while it is open
	TransferID *uuid.UUID   `json:"transfer_id,omitempty"` // once it is settled
}

func authorizationOf(a ledger.Authorization) authorizationJSON {
	out := authorizationJSON{ID: a.ID, Amount: a.Amount, Status: a.State}
	if a.State == ledger.Authorized {
		out.ExpiresAt = &a.ExpiresAt
	} else {
		out.TransferID = &a.Settlement
	}
	return out
}

func (a api) authorize(c echo.Context) error {
	var body struct {
		Amount    int64  `json:"amount"`
		Reference string `json:"reference"`
	}
	key, err := idempotency.Required(c.Request().Header)
	if err != nil {
		return err
	}
	if err := httpserver.Bind(c, &body, maxBody); err != nil {
		return err
	}
	ctx := c.Request().Context()
	made, err := a.ledger.Authorize(ctx, actor(ctx), key, ledger.Hold{Amount: body.Amount, Reference: body.Reference})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, authorizationOf(made))
}

func (a api) capture(c echo.Context) error { return a.end(c, a.ledger.Capture) }
func (a api) void(c echo.Context) error    { return a.end(c, a.ledger.Void) }

type settling func(context.Context, ledger.Actor, uuid.UUID) (ledger.Authorization, error)

func (a api) end(c echo.Context, how settling) error {
	id, err := pathID(c, "authorization")
	if err != nil {
		return err
	}
	if err := emptyBody(c); err != nil {
		return err
	}
	return answer(c, how, id)
}

// settle is capture and void for an authorization whose end user is gone.
func (a api) settle(c echo.Context) error {
	var body struct {
		AuthorizationID uuid.UUID `json:"authorization_id"`
		Outcome         string    `json:"outcome"`
	}
	if err := httpserver.Bind(c, &body, maxBody); err != nil {
		return err
	}
	switch body.Outcome {
	case "capture":
		return answer(c, a.ledger.Capture, body.AuthorizationID)
	case "void":
		return answer(c, a.ledger.Void, body.AuthorizationID)
	}
	return fault.New(fault.Invalid, `outcome must be "capture" or "void"`)
}

func answer(c echo.Context, how settling, id uuid.UUID) error {
	ctx := c.Request().Context()
	settled, err := how(ctx, actor(ctx), id)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, authorizationOf(settled))
}
