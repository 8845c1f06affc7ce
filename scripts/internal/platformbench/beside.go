package platformbench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"redoubt.example/loadtest/bench"
	"redoubt.example/loadtest/report"
	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/labdir"
)

// Beside starts a lab as it comes beside one that is up, and returns what a POST of a document takes more in that, in
// microseconds, with its 95 % interval. Of the config it takes programs, scratch folder and state.
func Beside(ctx context.Context, cfg Config, up labdir.Dir, during time.Duration) (more bench.Difference, err error) {
	r := newRun(cfg, &report.Result{})
	defer func() { err = errors.Join(err, r.stopAll()) }()
	labs, err := r.start(ctx, Setup{Name: "as-it-was"})
	if err != nil {
		return more, err
	}
	changed := &Lab{Setup: Setup{Name: "changed"}}
	if err := changed.attach(ctx, up); err != nil {
		return more, fmt.Errorf("measure the lab that is up: %w", err)
	}
	leave, err := cfg.State.Enter(ctx, cfg.Background)
	if err != nil {
		return more, err
	}
	defer leave()
	found, err := r.compare(ctx, "beside the platform as it was", during, append(labs, changed))
	if err != nil {
		return more, err
	}
	return found.Median(1, 0.95), nil
}

// attach is start for a lab that somebody else keeps running.
func (l *Lab) attach(ctx context.Context, dir labdir.Dir) (err error) {
	if l.Record, err = dir.Running(); err != nil {
		return err
	}
	l.Client = control.NewClient(l.Record.Control())
	if l.Status, err = l.Client.Status(ctx); err != nil {
		return err
	}
	if !l.Status.Ready {
		return errors.New("it isn't ready")
	}
	return l.readRoots()
}
