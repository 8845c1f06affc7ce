package main

import (
	"context"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/exit"
)

// Change implements control.Changer: an exercise, broken or mended, takes the place of what ran before, or goes. A program that
// stays where it was is restarted, too: its file is another.
func (l *runningLab) Change(ctx context.Context, changes control.Changes) (restarted []string, err error) {
	if !l.plan.Exercises {
		return nil, exit.Mend(exit.Usagef("this lab wasn't started to be broken"), "lab down --dir "+l.plan.Dir+", then lab exercise start")
	}
	l.switching.Lock()
	defer l.switching.Unlock()
	next := l.stack.Replaced(changes.Programs)
	before := l.enter(changes.Exercise, next) // before the first restart: status says so from the first moment on
	if err := l.stack.Change(ctx, changes); err != nil {
		return nil, err
	}
	concerned := maps.Clone(next)
	maps.Copy(concerned, before)
	var swaps errgroup.Group
	for _, name := range slices.Sorted(maps.Keys(concerned)) {
		restarted = append(restarted, name)
		swaps.Go(func() error { return badName(l.sup.Replace(ctx, name, next[name])) })
	}
	if err := swaps.Wait(); err != nil {
		return restarted, err
	}
	return restarted, l.stack.AwaitCatalog(ctx)
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
