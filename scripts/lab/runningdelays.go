package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"redoubt.example/infra/topology"
	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/stack"
	"redoubt.example/services/platform/controls"
)

// Delay implements control.Delayer.
func (l *runningLab) Delay(ctx context.Context, given []string) (control.Delayed, error) {
	l.switching.Lock()
	defer l.switching.Unlock()
	top, err := topology.Load()
	if err != nil {
		return control.Delayed{}, err
	}
	next, err := stack.ParseDelays(top, given)
	if err != nil {
		return control.Delayed{}, exit.Usagef("%w", err)
	}
	for service := range l.delayed() { // whoever takes orders goes on to
		if next[service] == nil {
			next[service] = controls.Delays{}
		}
	}
	l.setDelayed(next)
	done := control.Delayed{Delays: next.List(), Restarted: []string{}}
	for _, service := range slices.Sorted(maps.Keys(next)) {
		for _, name := range l.stack.InstancesOf(service) {
			env := l.stack.EnvOf(l.ControlsOff(), next)[name]
			taken, err := l.stack.Inject(ctx, name, next[service])
			switch {
			case err != nil:
				return done, err
			case taken:
				l.sup.Amend(name, env)
				continue
			}
			done.Restarted = append(done.Restarted, name)
			if err := badName(l.sup.Restart(ctx, name, env)); err != nil {
				return done, err
			}
		}
	}
	if len(done.Restarted) == 0 {
		return done, nil
	}
	if err := l.stack.AwaitServing(ctx); err != nil {
		return done, fmt.Errorf("after restarting %v: %w", done.Restarted, err)
	}
	return done, nil
}

func (l *runningLab) delayed() stack.Delays {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.delays
}

func (l *runningLab) setDelayed(d stack.Delays) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.delays = d
}
