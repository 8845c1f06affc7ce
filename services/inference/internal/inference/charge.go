package inference

import (
	"context"
	"time"

	"github.com/google/uuid"

	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/telemetry"
)

// settleTimeout bounds earning and giving back, whether or not the caller is still there. What isn't settled by
// then expires at payments and goes back to the principal: in doubt, the result was free.
const settleTimeout = 5 * time.Second

// charged runs work between authorize and capture. When work fails the credits go back, unless it says that they
// were earned all the same; its error is returned either way.
func (s *Service) charged(ctx context.Context, model string, amount int64, work func() (earned bool, err error)) error {
	key := uuid.NewString()
	id, err := s.cfg.Payments.Authorize(ctx, key, amount, "inference "+telemetry.RequestID(ctx))
	if err != nil {
		return err
	}
	settled := false
	settle := func(what string, call func(context.Context, string) error) error {
		settled = true
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
		defer cancel()
		err := call(ctx, id)
		if err != nil {
			telemetry.Log(ctx).WarnContext(ctx, what, "authorization", id, "model", model, "error", err.Error())
		}
		return err
	}
	defer func() {
		if !settled { // work panicked
			_ = settle("void authorization", s.cfg.Payments.Void)
		}
	}()
	earned, err := work()
	switch {
	case err != nil && earned:
		_ = settle("capture authorization", s.cfg.Payments.Capture)
		return err
	case err != nil:
		_ = settle("void authorization", s.cfg.Payments.Void)
		return err
	}
	if err := settle("capture authorization", s.cfg.Payments.Capture); err != nil {
		return fault.Wrap(fault.Unavailable, err, "the charge couldn't be made, so there is no result")
	}
	return nil
}
