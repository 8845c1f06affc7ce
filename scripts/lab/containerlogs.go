package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"

	"redoubt.example/infra/topology"
	"redoubt.example/scripts/internal/containers"
	"redoubt.example/scripts/internal/labdir"
	"redoubt.example/scripts/internal/sentinel"
	"redoubt.example/scripts/internal/serverlog"
	"redoubt.example/scripts/internal/stack"
)

// follow keeps each container's log as a file, as a lab of processes does.
func (l *containerLab) follow(ctx context.Context, logs *sync.WaitGroup) error {
	all, err := l.platform.List(ctx)
	for _, c := range all {
		file, openErr := os.OpenFile(l.dir.Log(component(c.Service)), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if openErr != nil {
			return errors.Join(err, openErr)
		}
		logs.Go(func() {
			followed := containers.Follow(ctx, c.ID, file)
			if err := errors.Join(followed, file.Close()); err != nil {
				slog.Warn("a log is no longer followed", "component", component(c.Service), "error", err)
			}
		})
	}
	return err
}

// shipServerLogs brings to sentinel what Consul, PostgreSQL and the jobs log, which only their engine sees; Vault's the operator brings.
func (l *containerLab) shipServerLogs(ctx context.Context) {
	top, err := topology.Load()
	if err != nil {
		slog.Error("sentinel isn't told what servers log", "error", err.Error())
		return
	}
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return l.platform.Dial(ctx, operatorContainer, "/operator", "dial", "sentinel")
		},
	}}
	serverlog.Ship(ctx, sentinel.NewClientBy(client, "http://sentinel"), slog.Default(), stack.Outputs(top, l.dir.Log)...)
}

// answerAlerts implements supervised. In containers the rights are the operator's, and it answers them.
func (l *containerLab) answerAlerts(context.Context, *labdir.Claim, *slog.Logger) (func(), error) {
	return func() {}, nil
}
