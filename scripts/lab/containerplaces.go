package main

import (
	"context"
	"fmt"
	"net"

	"redoubt.example/scripts/internal/containers"
	"redoubt.example/scripts/internal/control"
)

// strangersUser is nobody's in the containers: docker-compose.yml counts workloads from 61001.
const strangersUser = 61900

// Places implements control.Switcher: the catalog is the operator's to read, where things are is the engine's to say. The
// servers' addresses are those on the network control, which this machine reaches, as the engine's host.
func (l *containerLab) Places(ctx context.Context) (control.Places, error) {
	p, err := l.Client.Places(ctx)
	if err != nil {
		return p, err
	}
	all, err := l.platform.List(ctx)
	if err != nil {
		return p, err
	}
	p.Project, p.Subnet = l.platform.Project, l.subnet
	p.Isolated, p.Stranger = true, control.User{UID: strangersUser, GID: strangersUser}
	p.Users, p.Folders = map[string]control.User{}, map[string]string{}
	servers := map[string]containers.Container{}
	for _, c := range all {
		servers[c.Service] = c
		if _, service := p.Mesh[c.Service]; !service {
			continue
		}
		p.Users[c.Service] = control.User{UID: c.UID, GID: c.GID}
		p.Folders[c.Service] = fmt.Sprintf("/proc/%d/root/run/redoubt/%s", c.PID, c.Service)
	}
	at := func(server, port string) string { return net.JoinHostPort(servers[server].Addresses["control"], port) }
	p.Vault, p.ConsulHTTP, p.ConsulGRPC, p.Postgres = at("vault", "8200"), at("consul", "8501"), at("consul", "8503"), at("postgres", "5432")
	return p, nil
}
