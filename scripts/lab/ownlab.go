package main

import (
	"context"
	"errors"
	"os"

	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/labdir"
	"redoubt.example/scripts/internal/stack"
	"redoubt.example/scripts/internal/term"
)

// withLab does something with the lab of --dir if that is up, or else with one of its own. A mode that is asked for has to
// be that of the lab which is up; "" takes whatever there is.
func (a *app) withLab(ctx context.Context, mode string, do func(context.Context) error) error {
	return a.withProfile(ctx, "", mode, do)
}

// withProfile is withLab for a profile: a lab that is up has to have it; "" takes whatever there is.
func (a *app) withProfile(ctx context.Context, profile, mode string, do func(context.Context) error) error {
	return a.withPlan(ctx, plan{Profile: profile, Mode: mode}, do)
}

// withPlan is withProfile for an engine, too.
func (a *app) withPlan(ctx context.Context, p plan, do func(context.Context) error) error {
	profile, mode := p.Profile, p.Mode
	if _, _, err := stack.Choose(profile, mode); err != nil {
		return exit.Usagef("%w", err)
	}
	dir, err := a.dir()
	if err != nil {
		return err
	}
	_, err = dir.Running()
	switch {
	case err == nil:
		if err := a.hasProfile(ctx, profile, p.Engine); err != nil {
			return err
		}
		return do(ctx)
	case !errors.Is(err, labdir.ErrNotRunning):
		return err
	}
	p.Port = stack.DefaultPort
	return a.withOwnLab(ctx, p, do)
}

// hasProfile refuses a lab that is up with another profile, or another engine.
func (a *app) hasProfile(ctx context.Context, profile, engine string) error {
	if profile == "" && engine == "" {
		return nil
	}
	client, _, err := a.running()
	if err != nil {
		return err
	}
	status, err := client.Status(ctx)
	if err == nil && engine != "" && status.Engine != engine {
		return exit.Mend(exit.Usagef("the lab that is up has the engine %s, not %s", status.Engine, engine), "lab down"+a.dirFlag())
	}
	if err == nil && profile != "" && status.Profile != profile {
		err = exit.Mend(exit.Usagef("the lab that is up has the profile %s, not %s", status.Profile, profile), "lab down"+a.dirFlag())
	}
	return err
}

// withOwnLab starts a lab, does something with it, and stops it.
func (a *app) withOwnLab(ctx context.Context, p plan, do func(context.Context) error) error {
	if err := a.checkPlan(&p); err != nil {
		return err
	}
	if err := a.obtain(ctx, &p); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	progress := term.NewProgress(os.Stderr)
	task := progress.Task("lab", "starting")
	done := make(chan error, 1)
	err := superviseLab(ctx, a.force, p, func(text string) { task.Say("%s", text) }, func(s control.Status) error {
		task.End("ready in %.1f s, %s resident", s.StartupSeconds, term.Bytes(s.RSSBytes))
		progress.Close() // what is done now has a display of its own
		progress = nil
		go func() {
			done <- do(ctx)
			stop()
		}()
		return nil
	})
	if progress != nil {
		progress.Close()
	}
	select {
	case failed := <-done:
		return errors.Join(failed, err)
	default:
		return err
	}
}
