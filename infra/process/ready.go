package process

import (
	"context"
	"fmt"
	"time"
)

// WaitReady waits until the process is ready: a job has exited 0, anything else answers its Ready check.
// Then AfterReady runs. It fails at once when the process ends first; when the context ends, the error
// carries the last reason why it wasn't ready.
func WaitReady(ctx context.Context, spec Spec, p *Process) error {
	if err := waitReady(ctx, spec, p); err != nil {
		return err
	}
	if spec.AfterReady == nil {
		return nil
	}
	if err := spec.AfterReady(ctx); err != nil {
		return fmt.Errorf("after %s became ready: %w", spec.Name, err)
	}
	return nil
}

func waitReady(ctx context.Context, spec Spec, p *Process) error {
	if spec.Once {
		select {
		case <-p.Done():
			return ended(spec, p.Wait())
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", spec.Name, ctx.Err())
		}
	}
	if spec.Ready == nil {
		return nil
	}
	pause := 5 * time.Millisecond
	for {
		err := tryReady(ctx, spec)
		if err == nil {
			return nil
		}
		select {
		case <-p.Done():
			if end := ended(spec, p.Wait()); end != nil {
				return end
			}
			return fmt.Errorf("%s ended before it was ready", spec.Name)
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w (last: %w)", spec.Name, ctx.Err(), err)
		case <-time.After(pause):
		}
		pause = min(pause*3/2, 100*time.Millisecond)
	}
}

// tryReady bounds one check, so that a server which accepts and never answers is asked again.
func tryReady(ctx context.Context, spec Spec) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return spec.Ready(ctx)
}

func ended(spec Spec, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s failed: %w", spec.Name, err)
}
