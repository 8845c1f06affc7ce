package main

import (
	"context"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"redoubt.example/scripts/internal/control"
	"redoubt.example/services/platform/controls"
)

// SwitchControls implements control.Switcher: of what runs, only that is restarted which enforces a control that
// changes.
func (l *runningLab) SwitchControls(ctx context.Context, off []control.Switch) (control.Switched, error) {
	l.switching.Lock()
	defer l.switching.Unlock()
	before := l.ControlsOff()
	without, err := l.stack.Without(off)
	if err != nil {
		return before, err
	}
	next := control.Switched{Off: off, Without: without}
	changed := changedComponents(before.Without, without)
	if len(without[controls.Supervisor]) > 0 && l.page == nil {
		return before, errNoPage
	}
	for _, name := range changed {
		if l.stack.Restarts(name) {
			next.Restarted = append(next.Restarted, name)
		}
	}
	l.setSwitched(next) // before the first restart: status says so from the first moment on
	env := l.stack.EnvOf(next, l.delayed())
	var restarts errgroup.Group
	for _, name := range changed {
		if name == controls.Supervisor {
			if l.page != nil {
				l.page.SwitchOff(without[name])
			}
			continue
		}
		if !l.stack.Restarts(name) {
			restarts.Go(func() error { return l.stack.SwitchVault(ctx, without[name]) })
			continue
		}
		restarts.Go(func() error { return badName(l.sup.Restart(ctx, name, env[name])) })
	}
	if err := restarts.Wait(); err != nil {
		return next, err
	}
	if len(next.Restarted) > 0 {
		err = l.stack.AwaitServing(ctx)
	}
	return next, err
}

// changedComponents are those that have to run without other controls than before, sorted.
func changedComponents(before, now map[string][]string) (changed []string) {
	for name := range now {
		if !slices.Equal(now[name], before[name]) {
			changed = append(changed, name)
		}
	}
	for name := range before {
		if now[name] == nil {
			changed = append(changed, name)
		}
	}
	slices.Sort(changed)
	return changed
}

// ControlsOff implements control.Switcher.
func (l *runningLab) ControlsOff() control.Switched {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.switched
}

func (l *runningLab) setSwitched(now control.Switched) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.switched = now
}

// Places implements control.Switcher.
func (l *runningLab) Places(ctx context.Context) (control.Places, error) { return l.stack.Places(ctx) }

// controlsOff is what status says of it: "edge.scope", "app.policy (payments)".
func (l *runningLab) controlsOff() []string {
	all := []string{}
	for _, o := range l.ControlsOff().Off {
		text := o.Control
		if o.Target != "" {
			text += " (" + o.Target + ")"
		}
		all = append(all, text)
	}
	slices.SortFunc(all, strings.Compare)
	return all
}
