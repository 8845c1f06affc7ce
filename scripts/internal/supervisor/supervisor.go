// Package supervisor keeps a set of processes running on one machine: started in the order of what they
// depend on, by readiness; restarted with backoff when they die; stopped in reverse.
package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"redoubt.example/infra/process"
)

// Config is what a supervisor needs beside the processes themselves.
type Config struct {
	Log    *slog.Logger
	Output func(name string) (io.WriteCloser, error) // where a component's output goes; opened once
	Hooks  Hooks
	// Env is, by component, what its environment has beside its spec's, until the first Restart.
	Env map[string][]string
	// StartTimeout bounds each wait for readiness; 60 s when 0.
	StartTimeout time.Duration
}

// Hooks tell which components are meant to run. Wanted comes before the first start, and before the start that
// follows a Hold; Unwanted when it is held, done, given up or shut down. Both may be nil.
type Hooks struct {
	Wanted   func(ctx context.Context, name string) error
	Unwanted func(name string)
	// Ended comes after each end of a process that isn't part of a shutdown, and before it is started again: what it
	// left behind can be cleared away. pid is the process's. It may be nil.
	Ended func(ctx context.Context, name string, pid int)
}

// Supervisor runs the components. Make it with New, then Run it once.
type Supervisor struct {
	cfg        Config
	components []*component // in the order given
	byName     map[string]*component
	changed    *broadcast
}

// New checks the specs: names are unique, dependencies exist and lead in no circle.
func New(cfg Config, specs ...process.Spec) (*Supervisor, error) {
	if cfg.StartTimeout == 0 {
		cfg.StartTimeout = time.Minute
	}
	s := &Supervisor{cfg: cfg, byName: map[string]*component{}, changed: newBroadcast()}
	for _, spec := range specs {
		if s.byName[spec.Name] != nil {
			return nil, fmt.Errorf("two components are named %s", spec.Name)
		}
		c := newComponent(s, spec)
		s.components = append(s.components, c)
		s.byName[spec.Name] = c
	}
	for _, c := range s.components {
		for _, name := range c.spec.Depends {
			d := s.byName[name]
			if d == nil {
				return nil, fmt.Errorf("%s depends on %s, which doesn't exist", c.spec.Name, name)
			}
			d.dependents = append(d.dependents, c)
		}
	}
	if loop := s.findLoop(); loop != "" {
		return nil, fmt.Errorf("%s depends on itself", loop)
	}
	return s, nil
}

// Run starts everything and keeps it running until ctx ends; then it stops everything, dependents first. When
// force ends too, what still runs is killed. On return nothing runs any more; the error names what survived.
func (s *Supervisor) Run(ctx, force context.Context) error {
	var wg sync.WaitGroup
	errs := make([]error, len(s.components))
	for i, c := range s.components {
		wg.Go(func() { errs[i] = c.run(ctx, force) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// WaitReady waits until every component is ready or done; a component that is given up ends it with the reason.
// progress, where given, hears of each change.
func (s *Supervisor) WaitReady(ctx context.Context, progress func([]Component)) error {
	for {
		changed := s.changed.next()
		all, waiting := s.Components(), false
		if progress != nil {
			progress(all)
		}
		for _, c := range all {
			if c.State == Failed {
				return &StartError{Component: c.Name, Reason: c.Error}
			}
			waiting = waiting || !c.State.Good()
		}
		if !waiting {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// StartError tells which component kept the whole from becoming ready.
type StartError struct{ Component, Reason string }

func (e *StartError) Error() string { return e.Component + " doesn't start: " + e.Reason }

// ErrUnknown is returned for a name that no component has.
var ErrUnknown = errors.New("no such component")

// Hold stops a component and keeps it down until Release.
func (s *Supervisor) Hold(ctx context.Context, name string) error { return s.order(ctx, name, true) }

// Release starts a held component, or one that was given up, and waits until it is ready.
func (s *Supervisor) Release(ctx context.Context, name string) error {
	return s.order(ctx, name, false)
}

// Restart stops a component and starts it again with more in its environment than its spec says, until the next
// Restart; it returns when that is ready. Nothing else is restarted.
func (s *Supervisor) Restart(ctx context.Context, name string, env []string) error {
	if err := s.Hold(ctx, name); err != nil {
		return err
	}
	c := s.byName[name]
	c.mu.Lock()
	c.more = env
	c.mu.Unlock()
	return s.Release(ctx, name)
}

// Replace stops a component and starts another program in its place, with the same environment; "" is the spec's own. It
// returns when that is ready.
func (s *Supervisor) Replace(ctx context.Context, name, path string) error {
	if err := s.Hold(ctx, name); err != nil {
		return err
	}
	c := s.byName[name]
	c.mu.Lock()
	c.path = path
	c.mu.Unlock()
	return s.Release(ctx, name)
}

// Amend is Restart's environment without the restart: for a component that has been told what changes.
func (s *Supervisor) Amend(name string, env []string) {
	if c := s.byName[name]; c != nil {
		c.mu.Lock()
		c.more = env
		c.mu.Unlock()
	}
}

func (s *Supervisor) order(ctx context.Context, name string, hold bool) error {
	c := s.byName[name]
	if c == nil {
		return fmt.Errorf("%w: %s", ErrUnknown, name)
	}
	if c.job() {
		return fmt.Errorf("%s is a step of the start, not a component that runs", name)
	}
	c.setHold(hold)
	for {
		changed := s.changed.next()
		state := c.snapshot()
		switch {
		case hold && state.State == Stopped, !hold && state.State == Ready:
			return nil
		case !hold && state.State == Failed:
			return &StartError{Component: name, Reason: state.Error}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%s is still %s: %w", name, state.State, ctx.Err())
		}
	}
}

// findLoop returns a component on a circle of dependencies, or "".
func (s *Supervisor) findLoop() string {
	const walking, clear = 1, 2
	mark := map[*component]int{}
	var visit func(c *component) bool
	visit = func(c *component) bool {
		if mark[c] != 0 {
			return mark[c] == walking
		}
		mark[c] = walking
		for _, d := range c.dependents {
			if visit(d) {
				return true
			}
		}
		mark[c] = clear
		return false
	}
	for _, c := range s.components {
		if visit(c) {
			return c.spec.Name
		}
	}
	return ""
}
