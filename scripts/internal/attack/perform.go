package attack

import (
	"context"
	"fmt"
	"maps"
	"time"

	"redoubt.example/loadtest/attacks"
)

// restartWithin is how long a component may take that can't become ready, since it has been attacked.
const restartWithin = 3 * time.Second

// perform plays all phases of an attack. Where what was tampered with is read at a component's start only, that is
// started again after the attempt, and the script then checks what came of it: that counts as the attempt's outcome.
func (p *player) perform(ctx context.Context, a attacks.Attack) (map[string]outcome, error) {
	if a.Permitted != "" {
		return p.performApart(ctx, a)
	}
	if a.Restart == "" {
		return p.play(ctx, a, benign, attempt, revert)
	}
	outcomes, err := p.play(ctx, a, benign, attempt)
	if err != nil {
		return nil, err
	}
	if outcomes[attempt].Outcome == gained { // so far it has only written
		p.restart(ctx, a.Restart, restartWithin)
		checked, err := p.play(ctx, a, check)
		if err != nil {
			return nil, err
		}
		after := checked[check]
		after.Marks = append(after.Marks, outcomes[attempt].Marks...)
		after.BeganMS = outcomes[attempt].BeganMS // what the component says while it starts is about the attack
		outcomes[attempt] = after
	}
	if _, err := p.play(ctx, a, revert); err != nil {
		return nil, err
	}
	p.restart(ctx, a.Restart, 30*time.Second)
	return outcomes, p.await(ctx, a.Restart)
}

// performApart plays the benign twin from where that is allowed, and the rest from the attacker's vantage point.
func (p *player) performApart(ctx context.Context, a attacks.Attack) (map[string]outcome, error) {
	honest := a
	honest.Vantage = a.Permitted
	outcomes, err := p.play(ctx, honest, benign)
	if err != nil {
		return nil, err
	}
	attempted, err := p.play(ctx, a, attempt, revert)
	maps.Copy(outcomes, attempted)
	return outcomes, err
}

// restart gives a component the time to become ready. One that can't, because it refuses what it finds, is what the check
// is about.
func (p *player) restart(ctx context.Context, component string, within time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if p.lab.Client.Hold(ctx, component) == nil {
		_ = p.lab.Client.Release(ctx, component)
	}
}

// await waits until a service that was started again is in the catalog, maybe at another port.
func (p *player) await(ctx context.Context, service string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		if p.places, err = p.lab.Client.Places(ctx); err != nil || len(p.places.Mesh[service]) > 0 {
			return err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("%s didn't come back after the attack: %w", service, ctx.Err())
		}
	}
}
