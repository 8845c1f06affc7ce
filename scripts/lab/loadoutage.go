package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"

	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/load"
	"redoubt.example/scripts/internal/term"
)

// outages go on beside a load, from its first iteration on.
type outages struct {
	start  func()
	cancel context.CancelFunc
	ended  chan struct{} // once started
	done   []load.Outage
	err    error
}

func newOutages(ctx context.Context, plan load.Outages, client *control.Client, progress *term.Progress) *outages {
	o := &outages{ended: make(chan struct{})}
	ctx, o.cancel = context.WithCancel(ctx)
	o.start = sync.OnceFunc(func() {
		if len(plan.Components) == 0 {
			close(o.ended)
			return
		}
		task := progress.Task("without "+strings.Join(plan.Components, ", "), "all is there")
		go func() {
			defer close(o.ended)
			defer task.End("")
			o.done, o.err = plan.Run(ctx, crashing{client}, func(text string) { task.Say("%s", text) })
		}()
	})
	return o
}

// finish returns what took place, and adds what failed. That it had to be cut short is for load.Outages.Judge to say.
func (o *outages) finish(err error) ([]load.Outage, error) {
	o.cancel()
	o.start() // if k6 never got so far
	<-o.ended
	if errors.Is(o.err, context.Canceled) {
		return o.done, err
	}
	return o.done, errors.Join(err, o.err)
}

// crashing servers are killed, and then held down.
type crashing struct{ *control.Client }

// Hold implements load.Servers.
func (c crashing) Hold(ctx context.Context, name string) error {
	status, err := c.Status(ctx)
	if err != nil {
		return err
	}
	for _, one := range status.Components {
		if one.Name != name || one.PID <= 0 {
			continue
		}
		if err := syscall.Kill(one.PID, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("kill %s: %w", name, err)
		}
	}
	return c.Client.Hold(ctx, name)
}

// known refuses to do without what the lab doesn't have.
func known(away load.Outages, status control.Status) error {
	for _, name := range away.Components {
		if !slices.ContainsFunc(status.Components, func(c control.Component) bool { return c.Name == name }) {
			return exit.Usagef("the lab has no component %q to do without", name)
		}
	}
	return nil
}
