package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"redoubt.example/scripts/internal/exercise"
)

// hearing is how long sentinel, that may have been started a moment ago, is waited for until it hears of what happens.
const hearing = 20 * time.Second

// useQuietly has honest users use the platform, and make mistakes, and returns the rules that raised an alert of it.
func (a *app) useQuietly(ctx context.Context) (rules []string, err error) {
	heard, err := a.listen(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.useHonestly(ctx); err != nil {
		return nil, err
	}
	if err := heard.something(ctx); err != nil {
		return nil, err
	}
	for _, m := range exercise.Mistakes() {
		if err := a.asUser(ctx, m.User, m.Address, func(h exercise.Honest) error { return h.Err(ctx, m) }); err != nil {
			return nil, err
		}
	}
	alerts, err := heard.end(ctx)
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(alerts.Rules)), nil
}

// something waits until sentinel has heard of an event, so that its silence means something.
func (l *listening) something(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, hearing)
	defer cancel()
	for {
		now, err := l.client.Health(ctx)
		if err != nil {
			return err
		}
		if now.Events > l.before.Events {
			return nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return errors.New("sentinel hears of nothing")
		}
	}
}
