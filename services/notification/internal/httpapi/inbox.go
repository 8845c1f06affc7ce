package httpapi

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"redoubt.example/services/notification/internal/message"
	"redoubt.example/services/platform/httpserver"
	"redoubt.example/services/platform/paging"
	"redoubt.example/services/platform/policy"
)

type notification struct {
	Recipient string          `json:"recipient"` // the principal when empty
	Kind      string          `json:"kind"`
	Subject   string          `json:"subject"`
	Data      json.RawMessage `json:"data"`
}

type inboxMessage struct {
	ID        string          `json:"id"`
	Kind      string          `json:"kind"`
	Subject   string          `json:"subject"`
	Data      json.RawMessage `json:"data"`
	CreatedAt time.Time       `json:"created_at"`
}

func (a API) send(c echo.Context) error {
	ctx := c.Request().Context()
	who, err := principal(c)
	if err != nil {
		return err
	}
	var n notification
	if err := httpserver.Bind(c, &n, maxNotification); err != nil {
		return err
	}
	if n.Recipient == "" {
		n.Recipient = who
	}
	if err := policy.Check(ctx, policy.Object{Owner: n.Recipient}); err != nil {
		return err
	}
	m, err := a.Inbox.Send(ctx, message.Draft{Recipient: n.Recipient, Kind: n.Kind, Subject: n.Subject, Data: n.Data})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusAccepted, map[string]string{"id": m.ID.String()})
}

func (a API) inbox(c echo.Context) error {
	who, err := principal(c)
	if err != nil {
		return err
	}
	before := uuid.Max
	limit, err := paging.Read(c.QueryParams(), &before)
	if err != nil {
		return err
	}
	page, more, err := a.Inbox.Page(c.Request().Context(), who, before, limit)
	if err != nil {
		return err
	}
	messages, next := make([]inboxMessage, len(page)), ""
	for i, m := range page {
		messages[i] = inboxMessage{m.ID.String(), m.Kind, m.Subject, m.Data, m.CreatedAt.UTC()}
	}
	if more {
		next = paging.Cursor(page[len(page)-1].ID)
	}
	return c.JSON(http.StatusOK, struct {
		Messages []inboxMessage `json:"messages"`
		Next     string         `json:"next,omitempty"`
	}{messages, next})
}
