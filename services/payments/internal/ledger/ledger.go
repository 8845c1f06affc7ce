// Package ledger is a double-entry credit ledger. Every movement of credits is a transfer whose entries sum to
// zero; no customer's balance is ever negative; nothing that was posted is changed. Credits are whole numbers.
package ledger

import (
	"context"
	"time"

	"github.com/google/uuid"
	"redoubt.example/services/platform/fault"
)

// Actor is who asks: a service of the platform, verified by the mesh, for an end user, verified by the
// transaction token. Principal is "" where a route needs no end user.
type Actor struct{ Principal, Service string }

// Object is what an actor wants to touch, as the policy sees it.
type Object struct {
	Owner   string // the principal that it belongs to
	Maker   string // the service that made it; "" when that doesn't matter
	Amount  int64
	Account AccountState // of the owner's account; "" when that doesn't matter
}

// Config is what a Ledger is made of.
type Config struct {
	Store Store
	// Allow decides whether the request in ctx may touch the object; a Denied fault when not.
	Allow func(ctx context.Context, o Object) error
	// HoldFor is how long an authorization stays open.
	HoldFor time.Duration
	Now     func() time.Time
}

// Ledger is safe for concurrent use, and by several processes on one store.
type Ledger struct{ cfg Config }

// New returns a ledger over a store.
func New(cfg Config) *Ledger { return &Ledger{cfg: cfg} }

// now has the store's resolution, so that a replayed answer equals the first one.
func (l *Ledger) now() time.Time { return l.cfg.Now().UTC().Truncate(time.Microsecond) }

// Credit is a request to issue credits.
type Credit struct {
	To     string
	Amount int64
	Memo   string
}

// Credit issues credits to a customer, once per key.
func (l *Ledger) Credit(ctx context.Context, by Actor, key string, req Credit) (Transfer, error) {
	if err := first(checkPrincipal("to", req.To), checkAmount(req.Amount), checkText("memo", req.Memo)); err != nil {
		return Transfer{}, err
	}
	if err := l.allow(ctx, Object{Owner: req.To, Amount: req.Amount}); err != nil {
		return Transfer{}, err
	}
	k, err := newKey(by, "credit", key, req)
	if err != nil {
		return Transfer{}, err
	}
	t := Transfer{ID: newID(), Kind: KindCredit, Principal: req.To, Memo: req.Memo, Service: by.Service,
		Actor: by.Principal, CreatedAt: l.now(), Entries: move(req.Amount, Issuance, Customer(req.To))}
	return l.postOnce(ctx, k, t)
}

// Refund undoes a credit or a capture in full. A transfer can be refunded once: without a key, or with another
// key, the second attempt is a Conflict. InsufficientCredits when the credits have been spent.
func (l *Ledger) Refund(ctx context.Context, by Actor, key string, id uuid.UUID) (Transfer, error) {
	k, err := newKey(by, "refund", key, id)
	if err != nil {
		return Transfer{}, err
	}
	var original Transfer
	err = l.cfg.Store.Do(ctx, func(ctx context.Context, tx Tx) (err error) {
		original, err = tx.Transfer(ctx, id)
		return err
	})
	if err != nil {
		return Transfer{}, err
	}
	if err := l.allow(ctx, Object{Owner: original.Principal, Amount: original.size()}); err != nil {
		return Transfer{}, err
	}
	back, err := original.refund()
	if err != nil {
		return Transfer{}, err
	}
	back.ID, back.Memo, back.CreatedAt = newID(), original.Memo, l.now()
	back.Service, back.Actor = by.Service, by.Principal
	return l.postOnce(ctx, k, back)
}

// allow decides about an object with the state of its owner's account. That may change before anything is posted; the
// store then refuses.
func (l *Ledger) allow(ctx context.Context, o Object) error {
	b, err := l.cfg.Store.Balance(ctx, o.Owner)
	if err != nil {
		return err
	}
	o.Account = b.State
	return l.cfg.Allow(ctx, o)
}

// postOnce posts the transfer, or returns the one that was posted under the same key. An empty key binds nothing.
func (l *Ledger) postOnce(ctx context.Context, k Key, t Transfer) (Transfer, error) {
	err := l.cfg.Store.Do(ctx, func(ctx context.Context, tx Tx) error {
		if k.Value == "" {
			return tx.Post(ctx, t)
		}
		bound, err := tx.Claim(ctx, k, t.ID)
		if err != nil {
			return err
		}
		if bound == t.ID {
			return tx.Post(ctx, t)
		}
		t, err = tx.Transfer(ctx, bound)
		return err
	})
	if err != nil {
		return Transfer{}, err
	}
	return t, nil
}

// Balance returns what the principal owns.
func (l *Ledger) Balance(ctx context.Context, principal string) (Balance, error) {
	return l.cfg.Store.Balance(ctx, principal)
}

// Transfers returns a page of the principal's ledger, newest first, and where the next one starts (Nil: nowhere).
func (l *Ledger) Transfers(ctx context.Context, principal string, before uuid.UUID, limit int) ([]Transfer, uuid.UUID, error) {
	page, err := l.cfg.Store.Transfers(ctx, principal, before, limit+1)
	if err != nil || len(page) <= limit {
		return page, uuid.Nil, err
	}
	return page[:limit], page[limit-1].ID, nil
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// hidden turns a denial into NotFound: who may not touch an object doesn't learn that it exists.
func hidden(err error, what string) error {
	if fault.KindOf(err) == fault.Denied {
		return fault.Wrap(fault.NotFound, err, "no such %s", what)
	}
	return err
}
