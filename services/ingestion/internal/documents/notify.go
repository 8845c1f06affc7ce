package documents

import (
	"context"
	"time"

	"redoubt.example/services/platform/telemetry"
)

const (
	// maxNotifications may be in flight; beyond that one is dropped, since the document is in its owner's list anyway.
	maxNotifications = 64
	notifyTimeout    = 3 * time.Second
)

// notify tells the owner, after the answer is decided: whatever becomes of it, the document stands.
func (i *Intake) notify(ctx context.Context, d Document) {
	select {
	case i.slots <- struct{}{}:
	default:
		i.cfg.Notified("dropped")
		telemetry.Log(ctx).WarnContext(ctx, "notification dropped: too many in flight", "document", d.ID.String())
		return
	}
	i.sends.Go(func() {
		defer func() { <-i.slots }()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), notifyTimeout)
		defer cancel()
		if err := i.cfg.Notifier.Notify(ctx, d); err != nil {
			i.cfg.Notified("failed")
			telemetry.Log(ctx).WarnContext(ctx, "notification failed", "document", d.ID.String(), "error", err.Error())
			return
		}
		i.cfg.Notified("sent")
	})
}

// Close waits for the notifications in flight; none may be started any more.
func (i *Intake) Close() { i.sends.Wait() }
