package message

import (
	"context"

	"github.com/google/uuid"
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

// Page returns at most limit of the recipient's messages, newest first, and whether there are more. before is the last
// ID of the page before, uuid.Max for the first page; it opens nobody else's inbox.
func (i Inbox) Page(ctx context.Context, recipient string, before uuid.UUID, limit int) (page []Message, more bool, err error) {
	page, err = i.Store.Messages(ctx, recipient, before, limit+1)
	if err != nil || len(page) <= limit {
		return page, false, err
	}
	return page[:limit], true, nil
}
