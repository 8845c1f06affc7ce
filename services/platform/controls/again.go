package controls

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
)

// again is set once, before the process serves.
var again atomic.Bool

const againPrefix = "again "

// CheckAgain has this process check a second time, at its own hop, what another control or another hop has checked
// already: the profile overchecked. It takes nothing away, so that any build may do it.
func CheckAgain(log *slog.Logger) {
	again.Store(true)
	log.Info("everything is checked again at this hop")
}

// Again is the name under which the second check of what a control checks enters its time, and its denials. It goes on
// where the control itself is off.
func Again(id string) string { return againPrefix + id }

// EnforceAgain runs the second check, if this process makes one, and records its denial.
func EnforceAgain(ctx context.Context, id string, check func() error, reason func(error) string, attrs ...any) error {
	if !again.Load() {
		return nil
	}
	defer Begin(ctx, Again(id)).End()
	err := check()
	if err != nil {
		Record(ctx, Again(id), Deny, reason(err), attrs...)
	}
	return err
}

// First is the control whose check an ID stands for: the second check of it is in the register with the first.
func First(id string) string { return strings.TrimPrefix(id, againPrefix) }
