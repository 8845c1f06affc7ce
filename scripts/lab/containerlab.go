package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"redoubt.example/scripts/internal/containers"
	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/labdir"
	"redoubt.example/scripts/internal/stack"
)

// containerLab is what the control socket serves of a lab whose components a Docker engine runs. The control plane's part
// of the orders is the operator's container's.
type containerLab struct {
	*control.Client // the operator's

	plan     plan
	dir      labdir.Dir
	control  string // our socket
	url      string
	subnet   string // of all networks
	platform *containers.Platform
	stop     context.CancelFunc
	begun    chan error // what became of the start

	mu      sync.Mutex
	startup time.Duration // 0 until everything was ready once
}

const operatorContainer = "operator"

// Ports of containers that nobody asked for: below those of outgoing connections, beside those of a lab of processes.
const leastPort, ports = 10000, 8000

// dashboardPort is Grafana's, or the next free one after it.
const dashboardPort = 3000

func newContainerLab(p plan, dir labdir.Dir, socket string, stop context.CancelFunc) (*containerLab, error) {
	l := &containerLab{plan: p, dir: dir, control: socket, stop: stop, begun: make(chan error, 1)}
	place := l.placeNew
	if p.Attach != "" {
		place = l.attach
	}
	if err := place(); err != nil {
		return nil, err
	}
	l.Client = control.NewClientBy(func(ctx context.Context) (net.Conn, error) {
		return l.platform.Dial(ctx, operatorContainer, "/operator", "dial")
	})
	return l, nil
}

// attach finds the platform that somebody else runs.
func (l *containerLab) attach() error {
	l.platform = &containers.Platform{Project: l.plan.Attach, Theirs: true}
	gateway, err := l.platform.Find(context.Background(), "gateway")
	switch {
	case errors.Is(err, containers.ErrUnknown):
		return exit.Usagef("the engine runs no platform of the project %q: `docker compose ls` lists them", l.plan.Attach)
	case err != nil:
		return err
	case gateway.Published == "":
		return fmt.Errorf("the gateway of %s isn't published on this machine", l.plan.Attach)
	}
	if sidecar, err := l.platform.Find(context.Background(), "gateway-sidecar"); err != nil {
		return err
	} else if strings.HasPrefix(sidecar.Image, "redoubt/"+stack.ModeEnvoy+":") {
		l.plan.Mode = stack.ModeEnvoy // who started it chose so
	}
	l.url = "https://" + gateway.Published
	l.subnet, err = subnetOf(gateway.Addresses["edge"])
	return err
}

// subnetOf is the /16 of all the platform's networks.
func subnetOf(address string) (string, error) {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return "", fmt.Errorf("find the platform's networks: %w", err)
	}
	network, err := ip.Prefix(16)
	return network.String(), err
}

// placeNew chooses a port and addresses for a platform of our own.
func (l *containerLab) placeNew() error {
	p := l.plan
	repo, err := repository()
	if err != nil {
		return err
	}
	if !p.Asked { // it isn't held until the gateway's container takes it: one that another lab doesn't try meanwhile
		p.Port = leastPort + rand.IntN(ports)
	}
	number, err := portFor(p.Port, p.Asked)
	if err != nil {
		return err
	}
	dashboards, err := portFor(dashboardPort, false)
	if err != nil {
		return err
	}
	subnet, err := containers.FreeSubnet()
	if err != nil {
		return err
	}
	l.url, l.subnet = "https://127.0.0.1:"+number, subnet+".0.0/16"
	l.platform = &containers.Platform{Project: containers.Project(p.Dir), File: filepath.Join(repo, "docker-compose.yml"), With: p.With,
		Env: []string{"REDOUBT_PORT=" + number, "REDOUBT_SUBNET=" + subnet, "GRAFANA_PORT=" + dashboards, "REDOUBT_RESPOND=" + string(p.most()),
			"REDOUBT_MODE=" + p.Mode}}
	return nil
}

// portFor is a free port of this machine's, for an engine, which takes it next in another process.
func portFor(port int, asked bool) (string, error) {
	held, err := stack.Reserve(port, asked)
	if err != nil {
		return "", err
	}
	_, number, err := net.SplitHostPort(held.Addr().String())
	return number, errors.Join(err, held.Close())
}

// run has the engine run the platform until ctx ends, and leaves nothing of it.
func (l *containerLab) run(ctx, force context.Context) error {
	err := l.platform.Down(ctx) // what a killed supervisor left
	if err == nil {
		err = l.platform.Up(ctx)
	}
	l.begun <- err
	var logs sync.WaitGroup
	if err == nil {
		err = l.follow(ctx, &logs)
		logs.Go(func() { l.shipServerLogs(ctx) })
		<-ctx.Done()
	}
	logs.Wait()
	return errors.Join(err, l.platform.Down(force))
}

// awaitReady returns when the step that sends the first requests has ended well.
func (l *containerLab) awaitReady(ctx context.Context, say func(string)) error {
	say("starting containers")
	select {
	case err := <-l.begun:
		if err != nil {
			return err
		}
	case <-ctx.Done():
		return errInterrupted
	}
	for {
		all, err := l.platform.List(ctx)
		if err != nil {
			return err
		}
		for _, c := range all {
			if c.Job && c.State == "exited" && c.ExitCode != 0 {
				return exit.Mend(fmt.Errorf("%s failed with status %d", component(c.Service), c.ExitCode), "lab logs "+component(c.Service)+" --dir "+l.plan.Dir)
			}
			if c.Service == "ready" && c.Done() {
				return l.keepCA(ctx)
			}
		}
		say(progressOf(all))
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			return errInterrupted
		}
	}
}

func progressOf(all []containers.Container) string {
	good := 0
	for _, c := range all {
		if c.Well() || c.Done() {
			good++
		}
	}
	return fmt.Sprintf("%d of %d ready", good, len(all))
}

func (l *containerLab) keepCA(ctx context.Context) error {
	pem, err := l.platform.Read(ctx, operatorContainer, "/run/redoubt/public/ca.pem")
	if err != nil {
		return err
	}
	return os.WriteFile(l.dir.CAFile(), pem, 0o644) //nolint:gosec // a certificate
}

func (l *containerLab) becomeReady(took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.startup = took
}

// Hold implements control.Lab.
func (l *containerLab) Hold(ctx context.Context, name string) error {
	return unknown(l.platform.Stop(ctx, serviceOf(name)))
}

// Release implements control.Lab.
func (l *containerLab) Release(ctx context.Context, name string) error {
	if err := unknown(l.platform.Start(ctx, serviceOf(name))); err != nil {
		return err
	}
	if err := l.Client.Release(ctx, name); err != nil && name != operatorContainer {
		return err
	}
	for {
		c, err := l.platform.Find(ctx, serviceOf(name))
		if err != nil || c.Well() || c.Done() {
			return err
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("%s isn't ready: %w", name, ctx.Err())
		}
	}
}

func unknown(err error) error {
	if errors.Is(err, containers.ErrUnknown) {
		return exit.Usagef("%w", err)
	}
	return err
}

// ControlsOff implements control.Switcher: images are built for release.
func (*containerLab) ControlsOff() control.Switched { return control.Switched{} }

// Down implements control.Lab.
func (l *containerLab) Down() { l.stop() }
