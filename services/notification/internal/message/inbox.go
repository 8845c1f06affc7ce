package message

import (
	"context"
	"encoding/base64"

	"github.com/google/uuid"

	"redoubt.example/services/platform/fault"
)

// Page sizes.
const (
	DefaultPage = 20
	MaxPage     = 100
)

// Store keeps messages.
type Store interface {
	// AddMessage stores a message and, in the same transaction, its delivery to each webhook endpoint of the recipient
	// that wants its kind.
	AddMessage(context.Context, Message) error
	// Messages returns a recipient's messages, newest first, from the one before the given ID; uuid.Max is the start.
	Messages(ctx context.Context, recipient string, before uuid.UUID, limit int) ([]Message, error)
}

// Inbox takes and shows messages.
type Inbox struct {
	Store Store
	Wake  func() // called when there may be something to deliver; must not block
}

// Page is a part of an inbox, newest first.
type Page struct {
	Messages []Message
	Next     string // cursor of the next page; empty at the end
}

// Send stores a message, and has it delivered.
func (i Inbox) Send(ctx context.Context, d Draft) (Message, error) {
	m, err := New(ctx, d)
	if err != nil {
		return Message{}, err
	}
	if err := i.Store.AddMessage(ctx, m); err != nil {
		return Message{}, err
	}
	i.Wake()
	return m, nil
}

// Page returns a page of the recipient's messages; an empty cursor is the start. limit 0 is DefaultPage. A cursor only
// says where to go on: it opens nobody else's inbox.
func (i Inbox) Page(ctx context.Context, recipient, cursor string, limit int) (Page, error) {
	if limit == 0 {
		limit = DefaultPage
	}
	if limit < 1 || limit > MaxPage {
		return Page{}, fault.New(fault.Invalid, "limit must be from 1 to %d", MaxPage)
	}
	before, err := parseCursor(cursor)
	if err != nil {
		return Page{}, err
	}
	messages, err := i.Store.Messages(ctx, recipient, before, limit+1)
	if err != nil {
		return Page{}, err
	}
	if len(messages) <= limit {
		return Page{Messages: messages}, nil
	}
	last := messages[limit-1].ID
	return Page{messages[:limit], base64.RawURLEncoding.EncodeToString(last[:])}, nil
}

func parseCursor(cursor string) (uuid.UUID, error) {
	if cursor == "" {
		return uuid.Max, nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(raw) != len(uuid.UUID{}) {
		return uuid.Nil, fault.New(fault.Invalid, "the cursor is not one of ours")
	}
	return uuid.UUID(raw), nil
}
