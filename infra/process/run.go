package process

import (
	"context"
	"io"
)

// Run runs a command to its end, or to the context's: then it is stopped, its group with it, and the error is the
// context's.
func Run(ctx context.Context, spec Spec, log io.Writer) error {
	spec.Once = true
	p, err := Start(ctx, spec, log)
	if err != nil {
		return err
	}
	err = WaitReady(ctx, spec, p)
	if ctx.Err() != nil {
		_ = p.Stop(context.WithoutCancel(ctx)) // it outlived SIGKILL: nothing more can be done
		return ctx.Err()
	}
	return err
}
