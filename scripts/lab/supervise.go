package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/labdir"
	"redoubt.example/scripts/internal/logfile"
	"redoubt.example/scripts/internal/sentinel"
	"redoubt.example/scripts/internal/stack"
	"redoubt.example/scripts/internal/supervisor"
)

const detachedVerb = "supervise"

// supervise is what `up --detach` starts in a session of its own: the plan comes in on standard input, and what
// becomes of it goes out on file 3, until the lab is ready.
func (a *app) supervise() *cobra.Command {
	return &cobra.Command{
		Use:    detachedVerb,
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var p plan
			if err := json.NewDecoder(os.Stdin).Decode(&p); err != nil {
				return exit.Usagef("this verb is for `lab up --detach` only")
			}
			reports := os.NewFile(3, "reports")
			unix.CloseOnExec(3)
			encoder := json.NewEncoder(reports)
			say := func(text string) { _ = encoder.Encode(report{Progress: text}) }
			ready := func(s control.Status) error {
				err := encoder.Encode(report{Status: &s})
				return errors.Join(err, reports.Close())
			}
			err := superviseLab(cmd.Context(), a.force, p, say, ready)
			if err != nil { // nobody reads it once the lab was ready; the log has it
				_ = encoder.Encode(report{Code: exit.Code(err), Error: err.Error(), Mend: exit.Mending(err)})
			}
			return err
		},
	}
}

// superviseLab starts a lab and stays with it until ctx ends or somebody asks it down. When it returns nothing runs
// any more, and nothing is left but the logs.
func superviseLab(ctx, force context.Context, p plan, say func(string), ready func(control.Status) error) (err error) {
	began := time.Now()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	dir, err := labdir.At(p.Dir)
	if err != nil {
		return err
	}
	claim, err := dir.Claim()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, claim.Release()) }()
	log, err := openLog(dir)
	if err != nil {
		return err
	}
	l, err := newLab(p, claim, log, cancel)
	if err != nil {
		return err
	}
	if l, ok := l.(*runningLab); ok {
		if err := l.listenPage(ctx, claim, log); err != nil {
			return err
		}
	}

	// The processes end with ctx; the control socket answers until they have.
	serving, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	var runErr, serveErr error
	listening := make(chan struct{})
	wg.Go(func() {
		serveErr = control.Serve(serving, claim.Control(), l, func() { close(listening) })
		cancel()
	})
	wg.Go(func() {
		defer stopServing()
		runErr = l.run(ctx, force)
	})
	defer func() {
		cancel()
		wg.Wait()
		err = errors.Join(err, runErr, serveErr)
	}()

	if err := l.awaitReady(ctx, say); err != nil {
		return err
	}
	<-listening
	answering, err := l.answerAlerts(ctx, claim, log)
	if err != nil {
		return err
	}
	wg.Go(answering)
	l.becomeReady(time.Since(began))
	log.Info("lab ready", "seconds", time.Since(began).Seconds())
	if l, ok := l.(*runningLab); ok {
		if l.page != nil {
			wg.Go(func() {
				if err := l.page.Serve(ctx); err != nil {
					log.Error("the page is gone", "error", err.Error())
				}
			})
		}
		wg.Go(func() { l.watchDrift(ctx, log) })
		wg.Go(func() { l.vigil.Run(ctx, sentinel.NewClient(l.stack.Sentinel()), log) })
	}
	if err := ready(l.Status(ctx)); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// supervised is a lab that something keeps running: this process, or an engine.
type supervised interface {
	control.Lab
	run(ctx, force context.Context) error // until ctx ends; nothing runs any more when it returns
	awaitReady(ctx context.Context, say func(string)) error
	becomeReady(took time.Duration)
	// answerAlerts prepares what answers sentinel's alerts, and returns what does so until ctx ends.
	answerAlerts(ctx context.Context, claim *labdir.Claim, log *slog.Logger) (func(), error)
}

func newLab(p plan, claim *labdir.Claim, log *slog.Logger, stop context.CancelFunc) (supervised, error) {
	if p.Engine == control.Docker {
		return newContainerLab(p, claim.Dir, claim.Control(), stop)
	}
	l := &runningLab{plan: p, dir: claim.Dir, control: claim.Control(), stop: stop}
	return l, l.assemble(claim, log)
}

func (l *runningLab) run(ctx, force context.Context) error {
	var shipping sync.WaitGroup
	defer shipping.Wait()
	shipping.Go(func() { l.stack.ShipServerLogs(ctx, l.dir.Log) })
	return l.sup.Run(ctx, force)
}

func (l *runningLab) awaitReady(ctx context.Context, say func(string)) error {
	err := l.sup.WaitReady(ctx, func(all []supervisor.Component) { say(summary(all)) })
	var failed *supervisor.StartError
	switch {
	case errors.As(err, &failed):
		return exit.Mend(explain(l.dir, failed), "lab logs "+failed.Component+" --dir "+l.plan.Dir)
	case err != nil && ctx.Err() != nil:
		return errInterrupted
	}
	return err
}

func (l *runningLab) assemble(claim *labdir.Claim, log *slog.Logger) error {
	port, err := stack.Reserve(l.plan.Port, l.plan.Asked)
	if err != nil {
		return err
	}
	l.stack, err = stack.New(stack.Config{
		RunDir: claim.RunDir, Mode: l.plan.Mode, Profile: l.plan.Profile, Replicas: l.plan.Replicas, Gateway: port, LeaseTTL: l.plan.LeaseTTL, NoSync: l.plan.NoSync, Tools: l.plan.Tools, Log: log,
	})
	if err != nil {
		return errors.Join(err, port.Close())
	}
	ca, err := os.ReadFile(l.stack.CAFile)
	if err != nil {
		return err
	}
	if err := os.WriteFile(l.dir.CAFile(), ca, 0o644); err != nil {
		return err
	}
	if l.switched, err = l.stack.Initially(); err != nil {
		return err
	}
	l.delays = l.plan.Delays
	l.sup, err = supervisor.New(supervisor.Config{
		Log:   log,
		Env:   l.stack.EnvOf(l.switched, l.plan.Delays),
		Hooks: l.stack.Hooks(),
		Output: func(name string) (io.WriteCloser, error) {
			return os.OpenFile(l.dir.Log(name), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		},
	}, l.stack.Specs()...)
	return err
}

// openLog makes the supervisor's own log. A detached supervisor's standard error ends there, too: a panic is
// worth having.
func openLog(dir labdir.Dir) (*slog.Logger, error) {
	file, err := os.OpenFile(dir.Log(supervisorName), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 && isNull(info) {
		if err := unix.Dup3(int(file.Fd()), 2, 0); err != nil {
			return nil, fmt.Errorf("keep standard error: %w", err)
		}
	}
	log := slog.New(slog.NewJSONHandler(file, nil)).With("service", supervisorName)
	slog.SetDefault(log)
	return log, nil
}

func isNull(info os.FileInfo) bool {
	null, err := os.Stat(os.DevNull)
	return err == nil && os.SameFile(info, null)
}

// summary says how far a start has come: "12 of 24 ready, waiting for consul, vault-config".
func summary(all []supervisor.Component) string {
	good := 0
	var busy []string
	for _, c := range all {
		switch {
		case c.State.Good():
			good++
		case c.State != supervisor.Waiting:
			busy = append(busy, c.Name)
		}
	}
	text := fmt.Sprintf("%d of %d ready", good, len(all))
	if len(busy) > 3 {
		busy = append(busy[:3], "...")
	}
	if len(busy) > 0 {
		text += ", waiting for " + strings.Join(busy, ", ")
	}
	return text
}

// explain adds the last thing that the component logged: usually the reason.
func explain(dir labdir.Dir, failed *supervisor.StartError) error {
	lines, err := logfile.NewReader(failed.Component, dir.Log(failed.Component)).Next()
	if err != nil || len(lines) == 0 {
		return failed
	}
	return fmt.Errorf("%w (its last words: %s)", failed, lines[len(lines)-1].Message())
}
