package containers

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strings"
)

const (
	projectLabel = "com.docker.compose.project"
	serviceLabel = "com.docker.compose.service"
	visitorLabel = "example.redoubt.visitor" // of containers beside the platform's: attackers
)

// Container is one of the platform's.
type Container struct {
	ID        string
	Service   string // its name in docker-compose.yml
	Image     string // "redoubt/payments:local"
	State     string // created, running, paused, restarting, exited, dead
	Health    string // healthy, unhealthy, starting; "" where nothing is asked
	ExitCode  int
	PID       int // on the engine's machine; 0 when it doesn't run
	UID, GID  int
	Job       bool // done once
	Restarts  int
	Addresses map[string]string // network, without the project's name -> IP address
	Published string            // "127.0.0.1:8443" on this machine; "" when nothing is
}

// inspected is what the engine says of a container, as far as it matters.
type inspected struct {
	ID           string `json:"Id"`
	RestartCount int
	State        struct {
		Status   string
		Pid      int
		ExitCode int
		Health   *struct{ Status string }
	}
	Config struct {
		Image  string
		User   string // "61001:61001"
		Labels map[string]string
	}
	HostConfig      struct{ RestartPolicy struct{ Name string } }
	NetworkSettings struct {
		Networks map[string]struct{ IPAddress string }
		Ports    map[string][]struct{ HostIP, HostPort string }
	}
}

// operator ends with what it knows, and so isn't restarted; it is no job for that.
const operator = "operator"

// List returns the platform's containers by the names of their services.
func (p *Platform) List(ctx context.Context) ([]Container, error) {
	ids, err := run(ctx, nil, nil, "docker", "ps", "--all", "--quiet", "--no-trunc", "--filter", "label="+projectLabel+"="+p.Project)
	if err != nil || ids == "" {
		return nil, err
	}
	text, err := run(ctx, nil, nil, "docker", append([]string{"inspect"}, strings.Fields(ids)...)...)
	if err != nil {
		return nil, err
	}
	var found []inspected
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		return nil, fmt.Errorf("read what the engine says of its containers: %w", err)
	}
	all := make([]Container, 0, len(found))
	for _, f := range found {
		c := Container{
			ID: f.ID, Service: f.Config.Labels[serviceLabel], Image: f.Config.Image, State: f.State.Status, ExitCode: f.State.ExitCode, PID: f.State.Pid,
			Restarts: f.RestartCount, Addresses: map[string]string{},
		}
		if _, err := fmt.Sscanf(f.Config.User, "%d:%d", &c.UID, &c.GID); err != nil {
			return nil, fmt.Errorf("%s runs as %q, which is no number: %w", c.Service, f.Config.User, err)
		}
		policy := f.HostConfig.RestartPolicy.Name
		c.Job = (policy == "" || policy == "no") && c.Service != operator
		if f.State.Health != nil {
			c.Health = f.State.Health.Status
		}
		for name, network := range f.NetworkSettings.Networks {
			c.Addresses[strings.TrimPrefix(name, p.Project+"_")] = network.IPAddress
		}
		for _, port := range f.NetworkSettings.Ports {
			for _, at := range port {
				c.Published = net.JoinHostPort(at.HostIP, at.HostPort)
			}
		}
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b Container) int { return strings.Compare(a.Service, b.Service) })
	return all, nil
}

// Find is the container of a service.
func (p *Platform) Find(ctx context.Context, service string) (Container, error) {
	all, err := p.List(ctx)
	if err != nil {
		return Container{}, err
	}
	for _, c := range all {
		if c.Service == service {
			return c, nil
		}
	}
	return Container{}, fmt.Errorf("%s: %w", service, ErrUnknown)
}

// Done tells whether a job has ended well.
func (c Container) Done() bool { return c.Job && c.State == "exited" && c.ExitCode == 0 }

// Well tells whether a container that is meant to run does, and answers its check.
func (c Container) Well() bool {
	return c.State == "running" && (c.Health == "" || c.Health == "healthy")
}

// HasImage tells whether the engine has an image.
func HasImage(ctx context.Context, name string) bool {
	_, err := run(ctx, nil, nil, "docker", "image", "inspect", "--format", "{{.Id}}", name)
	return err == nil
}
