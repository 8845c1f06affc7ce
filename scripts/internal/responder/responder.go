// Package responder has a running lab answer sentinel's alerts: package respond decides, package stack carries it out. It is
// package control's Responder, for whatever holds the operator's rights: the supervisor, or in containers the operator.
package responder

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync/atomic"

	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/respond"
	"redoubt.example/scripts/internal/sentinel"
	"redoubt.example/scripts/internal/stack"
	"redoubt.example/services/platform/pseudonym"
	"redoubt.example/threatmodel"
)

// Config is what answers are given by.
type Config struct {
	Stack   *stack.Stack
	Most    threatmodel.Mode // no runbook goes further
	Journal string           // a file
	Run     string           // names the lab that the journal is about
	Shared  []netip.Prefix   // addresses that many honest users come from, besides those that the stack knows
	Log     *slog.Logger
}

// Responder is control.Responder. The zero one is that of a lab that isn't ready.
type Responder struct{ at atomic.Pointer[answering] }

type answering struct {
	stack    *stack.Stack
	engine   *respond.Engine
	playbook threatmodel.Playbook
	names    *pseudonym.Names
}

// Start prepares what answers alerts, and returns what does so until ctx ends.
func (r *Responder) Start(ctx context.Context, cfg Config) (run func(), err error) {
	playbook, detections, err := loadPlaybook()
	if err != nil {
		return nil, err
	}
	shared, err := cfg.Stack.Shared()
	if err != nil {
		return nil, err
	}
	names, err := cfg.Stack.Pseudonyms(ctx)
	if err != nil {
		return nil, err
	}
	of := respond.Config{Playbook: playbook, Detections: detections, Actions: cfg.Stack.Responses(), Most: cfg.Most, Services: cfg.Stack.Services(),
		Shared: append(shared, cfg.Shared...), Journal: cfg.Journal, Run: cfg.Run, Log: cfg.Log}
	for _, user := range cfg.Stack.Staff() {
		of.Staff = append(of.Staff, names.Principal(user))
	}
	engine, err := respond.New(of)
	if err != nil {
		return nil, err
	}
	r.at.Store(&answering{stack: cfg.Stack, engine: engine, playbook: playbook, names: names})
	return func() {
		if err := errors.Join(engine.Run(ctx, sentinel.NewClient(cfg.Stack.Sentinel())), engine.Close()); err != nil {
			cfg.Log.Error("alerts are not answered", "error", err.Error())
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

// ready is what answers alerts, once the lab is ready.
func (r *Responder) ready() (*answering, error) {
	if a := r.at.Load(); a != nil {
		return a, nil
	}
	return nil, errors.New("the lab isn't ready")
}

// Responses implements control.Responder.
func (r *Responder) Responses(context.Context) (control.Responses, error) {
	a, err := r.ready()
	if err != nil {
		return control.Responses{}, err
	}
	all := control.Responses{Responses: a.engine.List(), Runbooks: []control.RunbookMode{}}
	modes := a.engine.Modes()
	for _, r := range a.playbook.Runbooks {
		all.Runbooks = append(all.Runbooks, control.RunbookMode{ID: r.ID, Title: r.Title, Mode: modes[r.ID]})
	}
	return all, nil
}

// ApproveResponse implements control.Responder.
func (r *Responder) ApproveResponse(ctx context.Context, id, by string) (respond.Entry, error) {
	a, err := r.ready()
	if err != nil {
		return respond.Entry{}, err
	}
	done, err := a.engine.Approve(ctx, id, by)
	return done, badOrder(err)
}

// UndoResponse implements control.Responder.
func (r *Responder) UndoResponse(ctx context.Context, id, by string) (respond.Entry, error) {
	a, err := r.ready()
	if err != nil {
		return respond.Entry{}, err
	}
	done, err := a.engine.Undo(ctx, id, by)
	if err != nil {
		return done, badOrder(err)
	}
	if done.Action != "isolate-service" {
		return done, nil
	}
	if err := a.stack.AwaitBack(ctx, done.Target); err != nil {
		return done, fmt.Errorf("%s is let in again, and isn't back yet: %w", done.Target, err)
	}
	return done, nil
}

// OrderResponse implements control.Responder.
func (r *Responder) OrderResponse(ctx context.Context, ask control.ResponseOrder) (respond.Entry, error) {
	a, err := r.ready()
	if err != nil {
		return respond.Entry{}, err
	}
	switch {
	case ask.User != "":
		if err := a.stack.CheckUser(ask.User, nil); err != nil {
			return respond.Entry{}, exit.Usagef("%w", err)
		}
		ask.Target = a.names.Principal(ask.User)
	case ask.AccessToken != "":
		parts := strings.Split(strings.TrimSpace(ask.AccessToken), ".")
		claims, err := base64.RawURLEncoding.DecodeString(parts[min(1, len(parts)-1)])
		if err != nil || len(parts) != 3 {
			return respond.Entry{}, exit.Usagef("that is no access token")
		}
		ask.Target = a.names.Token(claims)
	}
	done, err := a.engine.Order(ctx, ask.Action, ask.Target, ask.By, ask.For)
	return done, badOrder(err)
}

// SetRunbookMode implements control.Responder.
func (r *Responder) SetRunbookMode(_ context.Context, runbook string, mode threatmodel.Mode) error {
	a, err := r.ready()
	if err != nil {
		return err
	}
	return badOrder(a.engine.SetMode(runbook, mode))
}

func badOrder(err error) error {
	var input *respond.ErrInput
	if errors.As(err, &input) {
		return exit.Usagef("%w", err)
	}
	return err
}
