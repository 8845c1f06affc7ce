package documents

import (
	"context"

	"github.com/google/uuid"
	"redoubt.example/services/platform/fault"
)

// Get returns a document. Somebody else's is NotFound, like one that isn't there.
func (i *Intake) Get(ctx context.Context, id uuid.UUID) (Document, error) {
	d, err := i.cfg.Store.Get(ctx, id)
	if err != nil {
		return Document{}, err
	}
	err = i.cfg.Allow(ctx, d.Owner)
	switch {
	case fault.KindOf(err) == fault.Denied:
		return Document{}, fault.Wrap(fault.NotFound, err, "no such document")
	case err != nil:
		return Document{}, err
	}
	return d, nil
}

// List returns a page of the owner's documents without their text, newest first, and where the next one starts
// (zero: nowhere).
func (i *Intake) List(ctx context.Context, owner string, before Position, limit int) ([]Document, Position, error) {
	page, err := i.cfg.Store.List(ctx, owner, before, limit+1)
	if err != nil || len(page) <= limit {
		return page, Position{}, err
	}
	last := page[limit-1]
	return page[:limit], Position{CreatedAt: last.CreatedAt, ID: last.ID}, nil
}
