package documents

import (
	"context"

	"redoubt.example/services/platform/fault"
)

// reconcileBatch is how many documents one round settles.
const reconcileBatch = 50

// Reconcile settles documents whose request ended, by a crash or a time-out, before their charge was confirmed:
// paid for, they become readable; the charge cancelled or expired, they are dropped. It returns how many it
// settled and the first error; what failed is tried again later. Replicas may reconcile side by side.
func (i *Intake) Reconcile(ctx context.Context) (settled int, first error) {
	now := i.now()
	list, err := i.cfg.Store.ClaimPending(ctx, now, now.Add(settleAfter), reconcileBatch)
	if err != nil {
		return 0, err
	}
	for _, d := range list {
		err := i.cfg.Payments.Settle(ctx, d.Authorization)
		switch {
		case err == nil:
			err = i.cfg.Store.Confirm(ctx, d.ID)
		case final(err):
			err = i.cfg.Store.Withdraw(ctx, d.ID)
		}
		if err == nil {
			settled++
		} else if first == nil {
			first = fault.Wrap(fault.KindOf(err), err, "settle document %s", d.ID)
		}
	}
	return settled, first
}
