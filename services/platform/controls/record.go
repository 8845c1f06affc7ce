package controls

import (
	"context"
	"log/slog"
	"testing"

	"redoubt.example/services/platform/telemetry"
)

// What a control decided.
const (
	Allow = "allow"
	Deny  = "deny"
)

// Message is the msg of every decision record: what to search the logs for.
const Message = "decision"

// Record logs one decision of a control, with the request ID of ctx: the evidence that the control, and no
// other, stopped the request. attrs are slog's alternating keys and values. Neither reason nor attrs may hold
// personal data, a token or a secret.
//
// An unknown ID is a programming error: a panic under go test; elsewhere the record is written all the same,
// beside an error.
func Record(ctx context.Context, id, decision, reason string, attrs ...any) {
	log := telemetry.Log(ctx)
	c, ok := Lookup(First(id))
	if !ok {
		if testing.Testing() {
			panic("controls: no control has the ID " + id)
		}
		log.ErrorContext(ctx, "decision of an unregistered control", "control", id)
	}
	level := slog.LevelInfo
	if decision != Allow {
		level = slog.LevelWarn
	}
	args := append([]any{"control", id, "layer", string(c.Layer), "decision", decision, "reason", reason}, attrs...)
	log.Log(ctx, level, Message, args...)
}
