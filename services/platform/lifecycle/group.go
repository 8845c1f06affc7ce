package lifecycle

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"
)

// Group runs the parts of a process. The first part that fails ends the context of all the others.
type Group struct {
	ctx   context.Context
	parts *errgroup.Group
}

// NewGroup returns a group whose parts end with ctx.
func NewGroup(ctx context.Context) *Group {
	parts, ctx := errgroup.WithContext(ctx)
	return &Group{ctx: ctx, parts: parts}
}

// Go starts a part. It returns when its context ends; its error is reported under its name. Being canceled
// when all are asked to end is none.
func (g *Group) Go(name string, part func(ctx context.Context) error) {
	g.parts.Go(func() error {
		err := part(g.ctx)
		if err == nil || (g.ctx.Err() != nil && errors.Is(err, context.Canceled)) {
			return nil
		}
		return fmt.Errorf("%s: %w", name, err)
	})
}

// Context ends when the group's own does, or when a part fails.
func (g *Group) Context() context.Context { return g.ctx }

// Wait returns when every part has ended, with the first error.
func (g *Group) Wait() error { return g.parts.Wait() }
