package attack

import (
	"context"
	"errors"
	"fmt"
	"time"

	"redoubt.example/loadtest/attacks"
	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/respond"
	"redoubt.example/threatmodel"
)

const (
	by = "attack" // who orders, for the journal
	// undoWithin bounds what is undone after an attack: a service that was isolated has to come back.
	undoWithin = time.Minute
)

// respond has the lab's response do, while the attack goes on, what the attack needs.
func (p *player) respond(ctx context.Context, g *given, needs string) error {
	switch needs {
	case attacks.NeedsContained:
		return p.contain(ctx, g)
	case attacks.NeedsResponse:
		return p.answering(ctx, g)
	}
	return nil
}

// contain gives the attacker a token of bob's that was revoked.
func (p *player) contain(ctx context.Context, g *given) error {
	token, err := p.lab.Token("bob", "account:read")
	if err != nil {
		return err
	}
	done, err := p.lab.Client.OrderResponse(ctx, control.ResponseOrder{Action: "revoke-token", AccessToken: token, For: 10 * time.Minute, By: by})
	if err != nil {
		return fmt.Errorf("have a token revoked: %w", err)
	}
	g.undo = append(g.undo, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoWithin)
		defer cancel()
		_, _ = p.lab.Client.UndoResponse(ctx, done.ID, by) // or it ends by itself
	})
	g.data["contained"] = map[string]string{"access_token": token, "of": "bob"}
	return nil
}

// answering has every runbook act by itself, and undoes afterwards what they did.
func (p *player) answering(ctx context.Context, g *given) error {
	before, err := p.lab.Client.Responses(ctx)
	if err != nil {
		return fmt.Errorf("ask what answers alerts: %w", err)
	}
	g.undo = append(g.undo, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoWithin)
		defer cancel()
		_ = p.answered(ctx, before)
	})
	for _, r := range before.Runbooks {
		if err := p.lab.Client.SetRunbookMode(ctx, r.ID, threatmodel.Auto); err != nil {
			return err
		}
	}
	return nil
}

// answered puts the runbooks back, and undoes what has been done since.
func (p *player) answered(ctx context.Context, before control.Responses) error {
	var errs []error
	for _, r := range before.Runbooks {
		errs = append(errs, p.lab.Client.SetRunbookMode(ctx, r.ID, r.Mode))
	}
	now, err := p.lab.Client.Responses(ctx)
	known := map[string]bool{}
	for _, e := range before.Responses {
		known[e.ID] = true
	}
	for _, e := range now.Responses {
		over := e.State == respond.Refused || e.State == respond.Undone || e.State == respond.Expired // what has only begun isn't
		if !known[e.ID] && !over && threatmodel.Actions[e.Action].Lasts {
			_, err := p.lab.Client.UndoResponse(ctx, e.ID, by)
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, err)...)
}
