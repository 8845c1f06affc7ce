package supervisor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"sync"
	"time"

	"redoubt.example/infra/process"
)

const (
	// startAttempts is how often a component that has never been ready is tried before it is given up.
	startAttempts = 4
	// badConfiguration is the exit code of a program that won't run however often it is tried.
	badConfiguration = 2
)

// component is one spec's life. Its loop (run) alone starts and stops the process; others leave orders.
type component struct {
	s          *Supervisor
	spec       process.Spec
	dependents []*component
	gone       chan struct{} // closed when the loop has ended
	output     io.WriteCloser
	wanted     bool // the Wanted hook was called, and Unwanted not since

	mu    sync.Mutex
	now   Component
	hold  bool
	more  []string      // environment beside the spec's, since the last Restart
	path  string        // of another program than the spec's, since the last Replace; "": none
	order chan struct{} // one token: hold has changed
}

func newComponent(s *Supervisor, spec process.Spec) *component {
	c := &component{s: s, spec: spec, more: s.cfg.Env[spec.Name], gone: make(chan struct{}), order: make(chan struct{}, 1)}
	c.now = Component{Name: spec.Name, State: Waiting, Job: c.job()}
	return c
}

func (c *component) job() bool { return c.spec.Once }

func (c *component) snapshot() Component {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *component) update(change func(*Component)) {
	c.mu.Lock()
	change(&c.now)
	c.mu.Unlock()
	c.s.changed.send()
}

func (c *component) setHold(hold bool) {
	c.mu.Lock()
	c.hold = hold
	if !hold && (c.now.State == Stopped || c.now.State == Failed) {
		c.now.State, c.now.Error = Waiting, "" // whoever waits for it isn't told the old reason
	}
	c.mu.Unlock()
	select {
	case c.order <- struct{}{}:
	default:
	}
}

// toStart is the spec, with what a Restart added to its environment, and the program that a Replace put in its place.
func (c *component) toStart() process.Spec {
	c.mu.Lock()
	defer c.mu.Unlock()
	spec := c.spec
	spec.Env, spec.Path = slices.Concat(spec.Env, c.more), cmp.Or(c.path, spec.Path)
	return spec
}

func (c *component) held() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hold
}

// run is the component's whole life, until ctx ends and all its dependents are gone.
func (c *component) run(ctx, force context.Context) (err error) {
	defer close(c.gone)
	defer c.awaitDependents() // a finished step stands between what it depends on and what depends on it
	defer c.update(func(n *Component) {
		if !c.job() {
			n.State = Stopped
		}
	})
	defer c.unwant()
	if !c.awaitDependencies(ctx) {
		return nil
	}
	c.output, err = c.s.cfg.Output(c.spec.Name)
	if err != nil {
		c.fail(fmt.Errorf("open its log: %w", err))
		<-ctx.Done()
		return nil
	}
	defer c.output.Close()
	var pause backoff
	failures := 0
	for ctx.Err() == nil {
		if c.held() {
			c.unwant()
			c.update(func(n *Component) { n.State, n.Error = Stopped, "" })
			c.wait(ctx, 0)
			continue
		}
		end := c.once(ctx, force)
		switch {
		case end.stuck != nil:
			return end.stuck
		case end.ordered:
			failures = 0
		case end.err == nil && c.job():
			c.unwant()
			c.update(func(n *Component) { n.State, n.Error = Done, "" })
			<-ctx.Done()
		default:
			failures++
			if end.ready {
				failures = 0
			}
			if c.hopeless(end, failures) {
				c.unwant()
				c.fail(end.err)
				c.wait(ctx, 0)
				failures = 0
				continue
			}
			delay := pause.next(end.ran)
			c.s.cfg.Log.Warn("component died", "component", c.spec.Name, "reason", reason(end.err), "restart_in", delay.String())
			c.update(func(n *Component) { n.State, n.Error, n.Restarts = Restarting, reason(end.err), n.Restarts+1 })
			c.wait(ctx, delay)
		}
	}
	return nil
}

// hopeless: it has never been ready, and either says itself that its configuration is bad, is a step of ours (which
// retries by itself where that helps), or was tried several times. What once ran is never given up.
func (c *component) hopeless(end ending, failures int) bool {
	if c.everReady() {
		return false
	}
	var exit *exec.ExitError
	bad := errors.As(end.err, &exit) && exit.ExitCode() == badConfiguration
	return bad || c.spec.Run != nil || failures >= startAttempts
}

func (c *component) want(ctx context.Context) error {
	if hook := c.s.cfg.Hooks.Wanted; hook != nil && !c.wanted {
		if err := hook(ctx, c.spec.Name); err != nil {
			return err
		}
	}
	c.wanted = true
	return nil
}

func (c *component) unwant() {
	if hook := c.s.cfg.Hooks.Unwanted; hook != nil && c.wanted {
		hook(c.spec.Name)
	}
	c.wanted = false
}

func (c *component) everReady() bool { return c.snapshot().Took > 0 }

func (c *component) fail(err error) {
	c.s.cfg.Log.Error("component given up", "component", c.spec.Name, "reason", reason(err))
	c.update(func(n *Component) { n.State, n.Error = Failed, reason(err) })
}

// awaitDependencies gates the first start only: a restart while something else is down is the component's own
// to cope with, as it would have to anywhere else.
func (c *component) awaitDependencies(ctx context.Context) bool {
	for {
		changed := c.s.changed.next()
		missing := false
		for _, name := range c.spec.Depends {
			missing = missing || !c.s.byName[name].snapshot().State.Good()
		}
		if !missing {
			return ctx.Err() == nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

func (c *component) awaitDependents() {
	for _, d := range c.dependents {
		<-d.gone
	}
}

// wait ends with ctx, with an order, or after the delay (0: never).
func (c *component) wait(ctx context.Context, delay time.Duration) {
	var after <-chan time.Time
	if delay > 0 {
		timer := time.NewTimer(delay)
		defer timer.Stop()
		after = timer.C
	}
	select {
	case <-ctx.Done():
	case <-c.order:
	case <-after:
	}
}

func reason(err error) string {
	if err == nil {
		return "it ended by itself"
	}
	return err.Error()
}
