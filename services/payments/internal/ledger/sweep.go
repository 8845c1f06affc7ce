package ledger

import (
	"context"
	"time"

	"redoubt.example/services/platform/fault"
)

// KeysKept is how long an idempotency key protects its operation.
const KeysKept = 24 * time.Hour

// sweeper is the origin of what happens because time passed.
var sweeper = Actor{Service: "payments"}

// Sweep gives back what expired authorizations hold and forgets old idempotency keys. It returns how many
// expired. One transaction per authorization, so replicas sweep side by side and none waits for another.
func (l *Ledger) Sweep(ctx context.Context) (expired int, err error) {
	for {
		err := l.cfg.Store.Do(ctx, func(ctx context.Context, tx Tx) error {
			a, err := tx.NextExpired(ctx, l.now())
			if err != nil {
				return err
			}
			return l.finish(ctx, tx, sweeper, &a, Expired)
		})
		if fault.KindOf(err) == fault.NotFound {
			return expired, l.cfg.Store.ForgetKeys(ctx, l.now().Add(-KeysKept))
		}
		if err != nil {
			return expired, err
		}
		expired++
	}
}
