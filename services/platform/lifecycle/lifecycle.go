// Package lifecycle is how a process starts and ends: signals, exit codes, and parts that live and die together.
package lifecycle

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

// Exit codes. A supervisor may restart on ExitRuntime; ExitConfig won't mend itself.
const (
	ExitOK      = 0
	ExitRuntime = 1
	ExitConfig  = 2
)

// Main runs a program to its end and exits with its code. SIGINT and SIGTERM end the context given to run; a
// second signal kills at once, for an operator who won't wait for the drain.
//
// "program healthcheck /path/of/admin.sock" asks a running one instead whether it is ready: a container without a shell has
// no other program to ask with.
func Main(run func(ctx context.Context) error) {
	if args := os.Args[1:]; len(args) == 2 && args[0] == "healthcheck" {
		os.Exit(healthcheck(args[1]))
	}
	slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stderr, nil))) // until run installs its own
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() {
		<-ctx.Done()
		stop()
	}()
	err := run(ctx)
	code := ExitCode(err)
	if code != ExitOK {
		slog.Error("stopped by an error", "error", err.Error(), "exit_code", code)
	}
	os.Exit(code)
}

// ExitCode returns the exit code for what run returned. An error says its own code with an ExitCode method;
// the end of the context is how a program is asked to stop, and no failure.
func ExitCode(err error) int {
	var coded interface{ ExitCode() int }
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return ExitOK
	case errors.As(err, &coded):
		return coded.ExitCode()
	}
	return ExitRuntime
}
