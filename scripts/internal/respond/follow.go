package respond

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"redoubt.example/scripts/internal/sentinel"
	"redoubt.example/services/platform/alert"
)

// Source is where alerts come from, and who is told what was done about them: sentinel, on its admin socket.
type Source interface {
	// Alerts waits until there is an alert that the query selects, up to Query.Wait.
	Alerts(ctx context.Context, q alert.Query) ([]alert.Alert, error)
	Respond(ctx context.Context, r alert.Response) error
}

const (
	longPoll   = 25 * time.Second
	pause      = 200 * time.Millisecond // before a source that doesn't answer is asked again
	tickEvery  = time.Second
	unreported = 4096 // responses that wait to be told
	mostTries  = 5    // at telling one that sentinel doesn't take; one that is away is tried until it is back
)

// Run takes alerts as they come, ends what is over, and tells of each change, until ctx ends. A source that is away is asked again: what
// is in force stays so, and ends in time. It is called once.
func (e *Engine) Run(ctx context.Context, s Source) error {
	reports := make(chan alert.Response, unreported)
	e.OnChange(func(r alert.Response) {
		select {
		case reports <- r:
		default:
			e.cfg.Log.Error("a response can't be told: too many wait", "id", r.ID, "state", r.State)
		}
	})
	if err := e.Resume(ctx); err != nil {
		e.cfg.Log.Error("responses are not all in force again", "error", err.Error())
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { e.follow(ctx, s); return nil })
	group.Go(func() error { e.tell(ctx, s, reports); return nil })
	group.Go(func() error {
		for wait(ctx, tickEvery) {
			if err := e.Tick(ctx); err != nil {
				e.cfg.Log.Error("a response can't be ended", "error", err.Error())
			}
		}
		return nil
	})
	return group.Wait()
}

func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

func (e *Engine) follow(ctx context.Context, s Source) {
	away := false
	for ctx.Err() == nil {
		after := e.Seq()
		alerts, err := s.Alerts(ctx, alert.Query{After: after, Wait: longPoll})
		if err != nil {
			if !away && ctx.Err() == nil {
				e.cfg.Log.Warn("no alerts: sentinel doesn't answer", "error", err.Error())
			}
			away = true
			wait(ctx, pause)
			continue
		}
		away = false
		if n := len(alerts); n > 0 && alerts[n-1].Seq <= after {
			e.cfg.Log.Warn("alerts are numbered anew", "after", after)
			e.renumber()
		}
		for _, a := range alerts {
			if err := e.Take(ctx, a); err != nil {
				e.cfg.Log.Error("an alert is not answered", "alert", a.ID, "error", err.Error())
			}
		}
	}
}

// renumber takes up a source whose store is another one: it begins with 1 again. What was answered isn't answered twice: see seen.
func (e *Engine) renumber() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.seq = 0
}

// tell reports changes in order, each until it is taken.
func (e *Engine) tell(ctx context.Context, s Source, reports <-chan alert.Response) {
	for {
		select {
		case r := <-reports:
			if r.Alert == "" {
				continue // somebody's order: no alert is about it
			}
			var err error
			for tries := 0; tries < mostTries; tries++ {
				if err = s.Respond(ctx, r); err == nil || !wait(ctx, pause) {
					break
				}
				if errors.Is(err, sentinel.ErrAway) {
					tries = 0
				}
			}
			if err != nil && ctx.Err() == nil {
				e.cfg.Log.Error("a response isn't in the incident's story: sentinel refuses it", "id", r.ID, "state", r.State, "error", err.Error())
			}
		case <-ctx.Done():
			return
		}
	}
}
