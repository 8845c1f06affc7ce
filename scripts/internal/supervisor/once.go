package supervisor

import (
	"context"
	"errors"
	"time"

	"redoubt.example/infra/process"
)

// ending tells how one run of a component ended.
type ending struct {
	err     error         // nil: exit code 0
	ran     time.Duration // since it became ready
	ready   bool          // it had become ready
	ordered bool          // it was held or shut down
	stuck   error         // it could not be stopped
}

// once starts the process, sees it ready, and stays with it until it ends or is to end.
func (c *component) once(ctx, force context.Context) ending {
	if err := c.want(ctx); err != nil {
		return ending{err: err, ordered: ctx.Err() != nil}
	}
	began := time.Now()
	c.update(func(n *Component) { n.State = Starting })
	p, err := process.Start(ctx, c.toStart(), c.output)
	if err != nil {
		return ending{err: err, ordered: ctx.Err() != nil}
	}
	c.update(func(n *Component) { n.PID = p.PID() })
	pid := p.PID()
	defer func() {
		if ended := c.s.cfg.Hooks.Ended; ended != nil && pid != 0 && ctx.Err() == nil {
			ended(ctx, c.spec.Name, pid)
		}
	}()
	defer c.update(func(n *Component) { n.PID = 0 })

	if err := c.waitReady(ctx, p); err != nil {
		ordered := ctx.Err() != nil || c.held()
		if !ordered {
			c.s.cfg.Log.Warn("component isn't ready", "component", c.spec.Name, "reason", err.Error())
		}
		stuck := c.stop(ctx, force, p)
		return ending{err: err, ordered: ordered, stuck: stuck}
	}
	up := time.Now()
	if c.job() {
		c.update(func(n *Component) { n.Took = up.Sub(began) })
		return ending{ready: true}
	}
	c.s.cfg.Log.Info("component ready", "component", c.spec.Name, "pid", p.PID(), "took", up.Sub(began).String())
	c.update(func(n *Component) { n.State, n.Error, n.Took = Ready, "", up.Sub(began) })
	return c.stay(ctx, force, p, up)
}

// waitReady is process.WaitReady, given up when the component is to be held.
func (c *component) waitReady(ctx context.Context, p *process.Process) error {
	ctx, cancel := context.WithTimeout(ctx, c.s.cfg.StartTimeout)
	defer cancel()
	result := make(chan error, 1)
	go func() { result <- process.WaitReady(ctx, c.spec, p) }()
	for {
		select {
		case err := <-result:
			return err
		case <-c.order:
			if c.held() {
				cancel()
				return errors.Join(errHeld, <-result)
			}
		}
	}
}

var errHeld = errors.New("held down")

func (c *component) stay(ctx, force context.Context, p *process.Process, up time.Time) ending {
	for {
		select {
		case <-p.Done():
			return ending{err: p.Wait(), ran: time.Since(up), ready: true}
		case <-ctx.Done():
			return ending{ordered: true, ready: true, stuck: c.stop(ctx, force, p)}
		case <-c.order:
			if c.held() {
				return ending{ordered: true, ready: true, stuck: c.stop(ctx, force, p)}
			}
		}
	}
}

// stop stops the process; in a shutdown, after everything that depends on it.
func (c *component) stop(ctx, force context.Context, p *process.Process) error {
	if ctx.Err() != nil {
		c.awaitDependents()
	}
	err := p.Stop(force)
	if err == nil {
		c.s.cfg.Log.Info("component stopped", "component", c.spec.Name)
	}
	return err
}
