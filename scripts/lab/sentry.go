package main

import (
	"net/http"

	"redoubt.example/scripts/internal/control"
)

// Sentinel implements control.Sentry.
func (l *runningLab) Sentinel() http.Handler { return control.SentinelAt(l.stack.Sentinel()) }

// Sentinel implements control.Sentry: sentinel's socket is in a volume that the operator has.
func (l *containerLab) Sentinel() http.Handler { return l.PassOn() }
