package httpapi

import (
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"redoubt.example/services/payments/internal/ledger"
	"redoubt.example/services/platform/httpserver"
	"redoubt.example/services/platform/idempotency"
	"redoubt.example/services/platform/paging"
)

type transferJSON struct {
	ID        uuid.UUID   `json:"id"`
	Kind      ledger.Kind `json:"kind"`
	Amount    int64       `json:"amount"` // what it changed for its owner, available and held together
	Memo      string      `json:"memo,omitempty"`
	RefundOf  *uuid.UUID  `json:"refund_of,omitempty"`
	CreatedAt time.Time   `json:"created_at"`
	Entries   []entryJSON `json:"entries"`
}

type entryJSON struct {
	Account ledger.Account `json:"account"`
	Amount  int64          `json:"amount"`
}

func transferOf(t ledger.Transfer) transferJSON {
	out := transferJSON{ID: t.ID, Kind: t.Kind, Amount: t.Amount(), Memo: t.Memo, CreatedAt: t.CreatedAt,
		Entries: make([]entryJSON, len(t.Entries))}
	for i, e := range t.Entries {
		out.Entries[i] = entryJSON(e)
	}
	if t.RefundOf != uuid.Nil {
		out.RefundOf = &t.RefundOf
	}
	return out
}

func (a api) credit(c echo.Context) error {
	var body struct {
		To     string `json:"to"`
		Amount int64  `json:"amount"`
		Memo   string `json:"memo"`
	}
	key, err := idempotency.Required(c.Request().Header)
	if err != nil {
		return err
	}
	if err := httpserver.Bind(c, &body, maxBody); err != nil {
		return err
	}
	ctx := c.Request().Context()
	t, err := a.ledger.Credit(ctx, actor(ctx), key, ledger.Credit{To: body.To, Amount: body.Amount, Memo: body.Memo})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, transferOf(t))
}

// refund needs no key to be safe, since a transfer is refunded once; with one, a repeated request gets its answer again.
func (a api) refund(c echo.Context) error {
	id, err := pathID(c, "transfer")
	if err != nil {
		return err
	}
	key, err := idempotency.Optional(c.Request().Header)
	if err != nil {
		return err
	}
	if err := emptyBody(c); err != nil {
		return err
	}
	ctx := c.Request().Context()
	t, err := a.ledger.Refund(ctx, actor(ctx), key, id)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, transferOf(t))
}

func (a api) account(c echo.Context) error {
	ctx := c.Request().Context()
	owner := actor(ctx).Principal
	b, err := a.ledger.Balance(ctx, owner)
	if err != nil {
		return err
	}
	hint, err := a.references.Hint(ctx, owner)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, struct {
		Owner            string              `json:"owner"`
		State            ledger.AccountState `json:"state"`
		Balance          int64               `json:"balance"`
		Held             int64               `json:"held"`
		PaymentReference string              `json:"payment_reference,omitempty"` // its last characters
	}{owner, b.State, b.Available, b.Held, masked(hint)})
}

func (a api) transfers(c echo.Context) error {
	var before uuid.UUID
	limit, err := paging.Read(c.QueryParams(), &before)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	list, next, err := a.ledger.Transfers(ctx, actor(ctx).Principal, before, limit)
	if err != nil {
		return err
	}
	out := struct {
		Transfers []transferJSON `json:"transfers"`
		Next      string         `json:"next,omitempty"`
	}{Transfers: make([]transferJSON, len(list))}
	for i, t := range list {
		out.Transfers[i] = transferOf(t)
	}
	if next != uuid.Nil {
		out.Next = paging.Cursor(next)
	}
	return c.JSON(http.StatusOK, out)
}
