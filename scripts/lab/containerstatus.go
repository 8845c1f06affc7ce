package main

import (
	"context"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"redoubt.example/scripts/internal/containers"
	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/procfs"
	"redoubt.example/scripts/internal/supervisor"
)

// Status implements control.Lab. Jobs are listed only while they aren't done.
func (l *containerLab) Status(ctx context.Context) control.Status {
	l.mu.Lock()
	startup := l.startup
	l.mu.Unlock()
	s := control.Status{
		Engine: control.Docker, Degraded: []control.Degradation{}, ControlsOff: []string{}, Settings: []string{}, Delays: []string{}, Mode: l.plan.Mode, Profile: l.plan.Profile,
		StartupSeconds: startup.Round(time.Millisecond).Seconds(), GatewayURL: l.url, CAFile: l.dir.CAFile(), Ready: startup > 0,
		Components: []control.Component{{Name: supervisorName, PID: os.Getpid(), State: string(supervisor.Ready), RSSBytes: procfs.Memory(os.Getpid()), Address: "unix:" + l.control}},
	}
	all, err := l.platform.List(ctx)
	if err != nil {
		s.Ready = false
		s.Degraded = append(s.Degraded, control.Degradation{Component: "engine", Reason: err.Error()})
	}
	for _, c := range all {
		if c.Done() {
			continue
		}
		state := stateOf(c)
		if startup > 0 && !state.Good() {
			s.Degraded = append(s.Degraded, control.Degradation{Component: component(c.Service), Reason: string(state)})
			s.Ready = s.Ready && !strings.HasPrefix(c.Service, "gateway")
		}
		s.Components = append(s.Components, control.Component{
			Name: component(c.Service), PID: c.PID, State: string(state), RSSBytes: procfs.Memory(c.PID), Restarts: c.Restarts, Address: addressOf(c)})
	}
	for _, c := range s.Components {
		s.RSSBytes += c.RSSBytes
	}
	return s
}

// stateOf is a container's state in the words of a lab of processes.
func stateOf(c containers.Container) supervisor.State {
	switch {
	case c.Well():
		return supervisor.Ready
	case c.State == "running" && c.Health == "starting", c.State == "created":
		return supervisor.Starting
	case c.State == "running", c.State == "paused":
		return supervisor.Degraded
	case c.State == "restarting":
		return supervisor.Restarting
	case c.Job:
		return supervisor.Failed
	}
	return supervisor.Stopped
}

// addressOf is where a container can be reached from this machine, if anywhere; or one of its addresses: it has one in each of
// its networks.
func addressOf(c containers.Container) string {
	if c.Published != "" {
		return c.Published
	}
	networks := make([]string, 0, len(c.Addresses))
	for name, ip := range c.Addresses {
		if ip != "" {
			networks = append(networks, name+" "+ip)
		}
	}
	slices.Sort(networks)
	if len(networks) > 1 {
		return networks[0] + " and " + strconv.Itoa(len(networks)-1) + " more networks"
	}
	return strings.Join(networks, "")
}

// component is a container's name among the lab's components: payments.sidecar is payments-sidecar in docker-compose.yml,
// which allows no dots.
func component(service string) string {
	if name, ok := strings.CutSuffix(service, "-sidecar"); ok {
		return name + ".sidecar"
	}
	return service
}

func serviceOf(component string) string { return strings.Replace(component, ".sidecar", "-sidecar", 1) }
