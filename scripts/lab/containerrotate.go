package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/stack"
)

// A rotation in containers has two halves: what Vault and Consul do is the operator's to order, and what a workload does is
// ordered on its own socket, which this machine's root reaches through the container's processes.

const (
	adminSocket = "admin.sock"
	planeSocket = "sidecar.sock"
)

// sockets are those of all containers that run and have one, by the names of components.
func (l *containerLab) sockets(ctx context.Context, socket string) (map[string]string, error) {
	if os.Geteuid() != 0 {
		return nil, exit.Usagef("with containers only root can give workloads an order")
	}
	all, err := l.platform.List(ctx)
	found := map[string]string{}
	for _, c := range all {
		service, sidecar := strings.CutSuffix(c.Service, "-sidecar")
		if c.PID != 0 && !c.Job && sidecar == (socket == planeSocket) {
			found[component(c.Service)] = fmt.Sprintf("/proc/%d/root/run/redoubt/%s/%s", c.PID, service, socket)
		}
	}
	return found, err
}

// RotateLeaves implements control.Lab.
func (l *containerLab) RotateLeaves(ctx context.Context) (done control.MeshRotation, err error) {
	planes, err := l.sockets(ctx, planeSocket)
	if err != nil {
		return done, err
	}
	return stack.RotateLeaves(ctx, planes)
}

// RotateMeshCA implements control.Lab.
func (l *containerLab) RotateMeshCA(ctx context.Context) (done control.MeshRotation, err error) {
	planes, err := l.sockets(ctx, planeSocket)
	if err != nil {
		return done, err
	}
	return stack.RotateMeshCA(ctx, planes, func(ctx context.Context) (string, error) {
		replaced, err := l.Client.RotateMeshCA(ctx)
		return replaced.Root, err
	})
}

// Secrets implements control.SecretKeeper: with the workloads' certificates, as root alone may ask them.
func (l *containerLab) Secrets(ctx context.Context) ([]control.Secret, error) {
	all, err := l.Client.Secrets(ctx)
	if err != nil || os.Geteuid() != 0 {
		return all, err
	}
	planes, err := l.sockets(ctx, planeSocket)
	if err != nil {
		return nil, err
	}
	apps, err := l.sockets(ctx, adminSocket)
	if err != nil {
		return nil, err
	}
	asked := slices.DeleteFunc(slices.Clone(all), func(s control.Secret) bool { return !strings.HasSuffix(s.Kind, "certificate") })
	within, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	for plane, socket := range planes {
		service := strings.TrimSuffix(plane, ".sidecar")
		if slices.ContainsFunc(asked, func(s control.Secret) bool { return s.Instance == service }) { // the operator, who has its sockets, too
			continue
		}
		all = append(all, stack.Certificates(within, service, service, socket, apps[service])...)
	}
	slices.SortStableFunc(all, func(a, b control.Secret) int { return strings.Compare(a.Holder, b.Holder) })
	return all, nil
}

// Rotate implements control.SecretKeeper.
func (l *containerLab) Rotate(ctx context.Context, what, name string) ([]control.Rotated, error) {
	apps, err := l.sockets(ctx, adminSocket)
	if err != nil {
		return nil, err
	}
	done, err := l.Client.Rotate(ctx, what, name)
	for _, r := range done {
		holder := r.Holder // a database and a key have the name of the service that uses them
		socket, ok := apps[holder]
		if !ok || holder == "gateway" { // whose socket the operator has
			continue
		}
		more, failed := stack.OrderRotation(ctx, holder, socket, what)
		if done = append(done, more...); failed != nil {
			return done, failed
		}
	}
	return done, err
}
