package main

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/exit"
)

// swapWithin is how long a component may take to start with what was changed: some seconds on a busy machine, where it can.
const swapWithin = 30 * time.Second

// sentinelName is the service whose rules can be changed.
const sentinelName = "sentinel"

// Change implements control.Changer: an exercise, broken or mended, takes the place of what ran before, or goes. A program that
// stays where it was is restarted, too: its file is another.
func (l *runningLab) Change(ctx context.Context, changes control.Changes) (restarted []string, err error) {
	if !l.plan.Exercises {
		return nil, exit.Mend(exit.Usagef("this lab wasn't started to be broken"), "lab down --dir "+l.plan.Dir+", then lab exercise start")
	}
	l.switching.Lock()
	defer l.switching.Unlock()
	next := l.stack.Replaced(changes.Programs)
	if len(changes.Detections) > 0 {
		next[sentinelName] = next[sentinelName] // it reads its rules at its start
	}
	before := l.enter(changes.Exercise, next) // before the first restart: status says so from the first moment on
	revision, err := l.stack.Change(ctx, changes)
	if err != nil {
		return nil, err
	}
	l.renewLogins(ctx, changes)
	concerned := maps.Clone(next)
	maps.Copy(concerned, before)
	var swaps errgroup.Group
	for _, name := range slices.Sorted(maps.Keys(concerned)) {
		restarted = append(restarted, name)
		swaps.Go(func() error { return l.swap(ctx, name, next[name]) })
	}
	if err := swaps.Wait(); err != nil {
		return restarted, err
	}
	if len(restarted) > 0 { // else all are where they were, or, if Vault gives them something useless, aren't and won't be
		if err := l.stack.AwaitCatalog(ctx); err != nil {
			return restarted, err
		}
	}
	return restarted, inForce(ctx, l.stack.RunDir(), revision)
}

// renewLogins has services take logins to their databases that are made as Vault makes them from now on: who has one that was made useless
// would keep it for minutes. Who gets none keeps the one that he has.
func (l *runningLab) renewLogins(ctx context.Context, changes control.Changes) {
	now := len(changes.Declared) > 0
	if now || l.declared {
		if _, err := l.stack.Rotate(ctx, control.Logins, ""); err != nil {
			slog.WarnContext(ctx, "logins not renewed", "error", err)
		}
	}
	l.declared = now
}

// swap starts a component anew, with another program or, with none, its own.
func (l *runningLab) swap(ctx context.Context, name, program string) error {
	ctx, cancel := context.WithTimeout(ctx, swapWithin)
	defer cancel()
	err := l.sup.Replace(ctx, name, program)
	if errors.Is(err, context.DeadlineExceeded) { // what once ran is tried again and again
		return exit.Mend(exit.Usagef("%s doesn't start with what you changed: its log says why", name), "lab logs "+name+" --dir "+l.plan.Dir)
	}
	return badName(err)
}

// enter notes what is in place from now on, and returns the programs that were before.
func (l *runningLab) enter(exercise string, replaced map[string]string) (before map[string]string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before, l.exercise, l.replaced = l.replaced, exercise, replaced
	return before
}

func (l *runningLab) inPlace() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.exercise
}
