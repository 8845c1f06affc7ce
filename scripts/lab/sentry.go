package main

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"redoubt.example/infra/controlplane"
	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/sentinel"
	"redoubt.example/services/platform/event"
	"redoubt.example/services/platform/telemetry"
)

// Sentinel implements control.Sentry.
func (l *runningLab) Sentinel() http.Handler { return control.SentinelAt(l.stack.Sentinel()) }

// Sentinel implements control.Sentry: sentinel's socket is in a volume that the operator has.
func (l *containerLab) Sentinel() http.Handler { return l.PassOn() }

// What the supervisor tells sentinel of a component, so that whom it holds down isn't missed.
const (
	heldDown = "component held down"
	released = "component released"
)

// What the supervisor says of Consul and Vault.
const (
	differing  = "differs from what is declared"
	asDeclared = "is as it is declared again"
)

// tell has sentinel know what was done to a component. A sentinel that isn't there is told nothing: it isn't needed for anything.
func (l *runningLab) tell(ctx context.Context, what, name string) {
	workload, _, _ := strings.Cut(name, ".") // its sidecar, or one of its instances
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	var line bytes.Buffer
	telemetry.NewLogger(&line, supervisorName, "info").Info(what, "component", workload)
	e, _ := event.FromLog(line.Bytes())
	if err := sentinel.NewClient(l.stack.Sentinel()).Report(ctx, supervisorName, []*event.Event{e}); err != nil {
		slog.Info("sentinel wasn't told", "what", what, "component", workload, "error", err.Error())
	}
}

// watchDrift has sentinel know, within a second or two, what somebody changed by hand in Consul or Vault: what log gets is followed. A lab
// that was started to be broken changes there what it likes.
func (l *runningLab) watchDrift(ctx context.Context, log *slog.Logger) {
	if l.plan.Exercises {
		return
	}
	l.stack.WatchDrift(ctx, log, func(d controlplane.Difference, differs bool) {
		message, level := differing, slog.LevelWarn
		if !differs {
			message, level = asDeclared, slog.LevelInfo
		}
		log.Log(ctx, level, message, "server", d.Server, "what", d.Kind+" "+d.Name, "found", d.Found)
	})
}
