package ledger

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Hold is a request to set credits aside.
type Hold struct {
	Amount    int64
	Reference string
}

// Authorize sets credits of the actor's principal aside, once per key. InsufficientCredits when they aren't there,
// AccountBlocked when the account is frozen or closed.
func (l *Ledger) Authorize(ctx context.Context, by Actor, key string, req Hold) (Authorization, error) {
	err := first(checkPrincipal("principal", by.Principal), checkAmount(req.Amount), checkText("reference", req.Reference))
	if err != nil {
		return Authorization{}, err
	}
	if err := l.allow(ctx, Object{Owner: by.Principal, Maker: by.Service, Amount: req.Amount}); err != nil {
		return Authorization{}, err
	}
	k, err := newKey(by, "authorize", key, req)
	if err != nil {
		return Authorization{}, err
	}
	now := l.now()
	hold := Transfer{ID: newID(), Kind: KindHold, Principal: by.Principal, Memo: req.Reference, Service: by.Service,
		Actor: by.Principal, CreatedAt: now, Entries: move(req.Amount, Customer(by.Principal), Held(by.Principal))}
	a := Authorization{ID: newID(), Principal: by.Principal, Maker: by.Service, Amount: req.Amount, Reference: req.Reference,
		State: Authorized, Hold: hold.ID, CreatedAt: now, ExpiresAt: now.Add(l.cfg.HoldFor)}
	err = l.cfg.Store.Do(ctx, func(ctx context.Context, tx Tx) error {
		bound, err := tx.Claim(ctx, k, a.ID)
		if err != nil {
			return err
		}
		if bound != a.ID {
			a, err = tx.Authorization(ctx, bound)
			a.State, a.Settlement, a.SettledAt = Authorized, uuid.Nil, time.Time{} // the answer as it was then, whatever has happened since
			return err
		}
		if err := tx.Post(ctx, hold); err != nil {
			return err
		}
		return tx.OpenAuthorization(ctx, a)
	})
	if err != nil {
		return Authorization{}, err
	}
	return a, nil
}

// Capture earns what the authorization set aside. Again: the same answer. Conflict when it is voided or expired.
func (l *Ledger) Capture(ctx context.Context, by Actor, id uuid.UUID) (Authorization, error) {
	return l.settle(ctx, by, id, Captured)
}

// Void gives back what the authorization set aside. Again, or after it expired: the same answer. Conflict when captured.
func (l *Ledger) Void(ctx context.Context, by Actor, id uuid.UUID) (Authorization, error) {
	return l.settle(ctx, by, id, Voided)
}

// settle ends an authorization. One of another principal or another service doesn't exist for the actor.
func (l *Ledger) settle(ctx context.Context, by Actor, id uuid.UUID, to State) (a Authorization, err error) {
	err = l.cfg.Store.Do(ctx, func(ctx context.Context, tx Tx) error {
		if a, err = tx.Authorization(ctx, id); err != nil {
			return err
		}
		if err := l.cfg.Allow(ctx, Object{Owner: a.Principal, Maker: a.Maker, Amount: a.Amount}); err != nil {
			return hidden(err, "authorization")
		}
		return l.finish(ctx, tx, by, &a, to)
	})
	if err != nil {
		return Authorization{}, err
	}
	return a, nil
}

func (l *Ledger) finish(ctx context.Context, tx Tx, by Actor, a *Authorization, to State) error {
	t, moves, err := a.settle(to, l.now())
	if err != nil || !moves {
		return err
	}
	t.Service, t.Actor = by.Service, by.Principal
	if err := tx.Post(ctx, t); err != nil {
		return err
	}
	return tx.SettleAuthorization(ctx, *a)
}
