// Package telemetry is how a process tells what it does: JSON log lines with fixed keys, the request ID that
// ties the hops of one request together, and metrics.
package telemetry

import (
	"context"
	"io"
	"log/slog"
)

// NewLogger returns a JSON logger with the keys time, level, msg and service. An unknown level is info. What looks like a
// credential doesn't get into it.
func NewLogger(w io.Writer, workload, level string) *slog.Logger {
	var l slog.Level
	if l.UnmarshalText([]byte(level)) != nil {
		l = slog.LevelInfo
	}
	return slog.New(redacting{Handler: slog.NewJSONHandler(w, &slog.HandlerOptions{Level: l})}).With("service", workload)
}

// WithLogger returns a context whose Log is log.
func WithLogger(ctx context.Context, log *slog.Logger) context.Context {
	return context.WithValue(ctx, loggerKey{}, log)
}

// Log returns the context's logger, or the process's, with the request ID attached.
func Log(ctx context.Context) *slog.Logger {
	log, ok := ctx.Value(loggerKey{}).(*slog.Logger)
	if !ok {
		log = slog.Default()
	}
	if id := RequestID(ctx); id != "" {
		return log.With("request_id", id)
	}
	return log
}

type loggerKey struct{}
