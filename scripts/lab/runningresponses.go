package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/labdir"
	"redoubt.example/scripts/internal/respond"
	"redoubt.example/scripts/internal/sentinel"
	"redoubt.example/threatmodel"
)

// answerAlerts implements supervised.
func (l *runningLab) answerAlerts(ctx context.Context, claim *labdir.Claim, log *slog.Logger) (func(), error) {
	playbook, detections, err := loadPlaybook()
	if err != nil {
		return nil, err
	}
	shared, err := l.stack.Shared()
	if err != nil {
		return nil, err
	}
	names, err := l.stack.Pseudonyms(ctx)
	if err != nil {
		return nil, err
	}
	cfg := respond.Config{Playbook: playbook, Detections: detections, Actions: l.stack.Responses(), Most: l.plan.most(), Services: l.stack.Services(),
		Shared: shared, Journal: l.dir.Responses(), Run: filepath.Base(claim.RunDir), Log: log}
	for _, user := range l.stack.Staff() {
		cfg.Staff = append(cfg.Staff, names.Principal(user))
	}
	engine, err := respond.New(cfg)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.playbook, l.names, l.responses = playbook, names, engine
	return func() {
		if err := errors.Join(engine.Run(ctx, sentinel.NewClient(l.stack.Sentinel())), engine.Close()); err != nil {
			log.Error("alerts are not answered", "error", err.Error())
		}
	}, nil
}

func loadPlaybook() (threatmodel.Playbook, []threatmodel.Detection, error) {
	threats, err := threatmodel.Load()
	if err != nil {
		return threatmodel.Playbook{}, nil, err
	}
	detections, err := threatmodel.Detections(threats)
	if err != nil {
		return threatmodel.Playbook{}, nil, err
	}
	playbook, err := threatmodel.Runbooks(detections)
	return playbook, detections, err
}

// most is the mode beyond which no runbook goes. A lab that a verb starts for itself has none: its attacks are to be judged by what the
// controls do, from a vantage point that nobody isolates.
func (p *plan) most() threatmodel.Mode {
	if p.Respond == "" {
		return threatmodel.Off
	}
	return p.Respond
}

// engine is what answers alerts, once the lab is ready.
func (l *runningLab) engine() (*respond.Engine, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.responses == nil {
		return nil, errors.New("the lab isn't ready")
	}
	return l.responses, nil
}

// Responses implements control.Responder.
func (l *runningLab) Responses(context.Context) (control.Responses, error) {
	e, err := l.engine()
	if err != nil {
		return control.Responses{}, err
	}
	all := control.Responses{Responses: e.List(), Runbooks: []control.RunbookMode{}}
	modes := e.Modes()
	for _, r := range l.playbook.Runbooks {
		all.Runbooks = append(all.Runbooks, control.RunbookMode{ID: r.ID, Title: r.Title, Mode: modes[r.ID]})
	}
	return all, nil
}

// ApproveResponse implements control.Responder.
func (l *runningLab) ApproveResponse(ctx context.Context, id, by string) (respond.Entry, error) {
	e, err := l.engine()
	if err != nil {
		return respond.Entry{}, err
	}
	done, err := e.Approve(ctx, id, by)
	return done, badOrder(err)
}

// UndoResponse implements control.Responder.
func (l *runningLab) UndoResponse(ctx context.Context, id, by string) (respond.Entry, error) {
	e, err := l.engine()
	if err != nil {
		return respond.Entry{}, err
	}
	done, err := e.Undo(ctx, id, by)
	if err != nil {
		return done, badOrder(err)
	}
	if done.Action != "isolate-service" {
		return done, nil
	}
	if err := l.stack.AwaitBack(ctx, done.Target); err != nil {
		return done, fmt.Errorf("%s is let in again, and isn't back yet: %w", done.Target, err)
	}
	return done, nil
}

// OrderResponse implements control.Responder.
func (l *runningLab) OrderResponse(ctx context.Context, ask control.ResponseOrder) (respond.Entry, error) {
	e, err := l.engine()
	if err != nil {
		return respond.Entry{}, err
	}
	switch {
	case ask.User != "":
		if err := l.stack.CheckUser(ask.User, nil); err != nil {
			return respond.Entry{}, exit.Usagef("%w", err)
		}
		ask.Target = l.names.Principal(ask.User)
	case ask.AccessToken != "":
		parts := strings.Split(strings.TrimSpace(ask.AccessToken), ".")
		claims, err := base64.RawURLEncoding.DecodeString(parts[min(1, len(parts)-1)])
		if err != nil || len(parts) != 3 {
			return respond.Entry{}, exit.Usagef("that is no access token")
		}
		ask.Target = l.names.Token(claims)
	}
	done, err := e.Order(ctx, ask.Action, ask.Target, ask.By, ask.For)
	return done, badOrder(err)
}

// SetRunbookMode implements control.Responder.
func (l *runningLab) SetRunbookMode(_ context.Context, runbook string, mode threatmodel.Mode) error {
	e, err := l.engine()
	if err != nil {
		return err
	}
	return badOrder(e.SetMode(runbook, mode))
}

func badOrder(err error) error {
	var input *respond.ErrInput
	if errors.As(err, &input) {
		return exit.Usagef("%w", err)
	}
	return err
}
