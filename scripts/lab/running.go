package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/labdir"
	"redoubt.example/scripts/internal/page"
	"redoubt.example/scripts/internal/procfs"
	"redoubt.example/scripts/internal/responder"
	"redoubt.example/scripts/internal/sentinel"
	"redoubt.example/scripts/internal/stack"
	"redoubt.example/scripts/internal/supervisor"
)

// supervisorName is the name that this process has among the components.
const supervisorName = "supervisor"

// runningLab is what the control socket serves.
type runningLab struct {
	plan    plan
	dir     labdir.Dir
	control string // the socket
	stack   *stack.Stack
	sup     *supervisor.Supervisor
	stop    context.CancelFunc
	vigil   sentinel.Vigil
	page    *page.Server // nil: the lab has none

	mu      sync.Mutex
	startup time.Duration // 0 until everything was ready once

	responder.Responder

	switching sync.Mutex        // one order at a time
	switched  control.Switched  // what is off
	delays    stack.Delays      // that are injected
	exercise  string            // in place; "": none
	replaced  map[string]string // by component: the program that runs in place of its own
	declared  bool              // Vault goes by other files than those declared
}

func (l *runningLab) becomeReady(took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.startup = took
}

// Status implements control.Lab. Steps of the start are listed only while they aren't done.
func (l *runningLab) Status(ctx context.Context) control.Status {
	l.mu.Lock()
	startup := l.startup
	l.mu.Unlock()
	s := control.Status{
		Engine: control.Process, Degraded: []control.Degradation{}, ControlsOff: l.controlsOff(), Exercise: l.inPlace(), Settings: l.stack.Settings(), Mode: l.plan.Mode, Profile: l.plan.Profile, StartupSeconds: startup.Round(time.Millisecond).Seconds(),
		Delays: l.delayed().List(), GatewayURL: l.stack.GatewayURL, CAFile: l.dir.CAFile(), PageURL: l.pageURL(),
		Components: []control.Component{{
			Name: supervisorName, PID: os.Getpid(), State: string(supervisor.Ready), RSSBytes: procfs.Memory(os.Getpid()),
			Address: "unix:" + l.control,
		}},
	}
	well := map[string]bool{}
	for _, c := range l.sup.Inspect(ctx) {
		well[c.Name] = c.State.Good()
		if !c.State.Good() && startup > 0 {
			s.Degraded = append(s.Degraded, control.Degradation{Component: c.Name, Reason: stateReason(c)})
		}
		if c.Job && c.State == supervisor.Done {
			continue
		}
		s.Components = append(s.Components, control.Component{
			Name: c.Name, PID: c.PID, State: string(c.State), RSSBytes: c.Memory, Address: l.stack.Address(c.Name),
			Restarts: c.Restarts, Error: c.Error,
		})
	}
	if startup > 0 {
		s.Ready = l.stack.Serving(func(component string) bool { return well[component] })
		s.Degraded = append(s.Degraded, l.stack.Degraded(ctx)...)
		for _, reason := range l.vigil.Reasons() {
			s.Degraded = append(s.Degraded, control.Degradation{Component: "sentinel", Reason: reason})
		}
	}
	for _, c := range s.Components {
		s.RSSBytes += c.RSSBytes
	}
	return s
}

// stateReason says in a few words why a component isn't well: "stopped", or "restarting: exit status 1".
func stateReason(c supervisor.Component) string {
	if c.Error == "" {
		return string(c.State)
	}
	return string(c.State) + ": " + c.Error
}

// Hold implements control.Lab.
func (l *runningLab) Hold(ctx context.Context, name string) error {
	err := l.sup.Hold(ctx, name)
	if err == nil {
		l.tell(ctx, heldDown, name)
	}
	return badName(err)
}

// Release implements control.Lab.
func (l *runningLab) Release(ctx context.Context, name string) error {
	if err := l.stack.LetIn(ctx, name); err != nil { // what `lab revoke service` took
		return err
	}
	err := l.sup.Release(ctx, name)
	if err == nil {
		l.tell(ctx, released, name)
	}
	return badName(err)
}

func badName(err error) error {
	if errors.Is(err, supervisor.ErrUnknown) {
		return exit.Usagef("%w", err)
	}
	return err
}

// BoundToken implements control.Lab.
func (l *runningLab) BoundToken(ctx context.Context, user string, scopes []string, key string) (string, error) {
	if err := l.stack.CheckUser(user, scopes); err != nil {
		return "", exit.Usagef("%w", err)
	}
	return l.stack.BoundToken(ctx, user, scopes, key)
}

// OperatorDocument implements control.OperatorIssuer.
func (l *runningLab) OperatorDocument(_ context.Context, server string) (string, error) {
	if !slices.Contains(operated, server) {
		return "", exit.Usagef("the operator logs in to %s, not to %q", strings.Join(operated, " or "), server)
	}
	return l.stack.OperatorDocument(server)
}

// RotateLeaves implements control.Lab.
func (l *runningLab) RotateLeaves(ctx context.Context) (control.MeshRotation, error) {
	return l.stack.RotateLeaves(ctx)
}

// RotateMeshCA implements control.Lab.
func (l *runningLab) RotateMeshCA(ctx context.Context) (control.MeshRotation, error) {
	return l.stack.RotateMeshCA(ctx)
}

// PublishPolicy implements control.Lab. Rules that can't be published are the input's fault.
func (l *runningLab) PublishPolicy(ctx context.Context, rules map[string]string) (int64, error) {
	revision, err := l.stack.PublishPolicy(ctx, rules)
	if err != nil {
		return 0, exit.Usagef("%w", err)
	}
	return revision, nil
}

// Down implements control.Lab.
func (l *runningLab) Down() { l.stop() }
