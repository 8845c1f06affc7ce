package ledger

import (
	"context"
	"time"

	"redoubt.example/services/platform/fault"
)

// AccountState says what a principal's account may do. It is Active from its first credit on; Closed is final.
type AccountState string

// The states of an account.
const (
	Active AccountState = "active"
	Frozen AccountState = "frozen" // receives credits and spends none; what was set aside before may still be captured
	Closed AccountState = "closed" // empty, and stays so
)

// become checks that an account with this balance may change its state.
func (b Balance) become(to AccountState) error {
	switch {
	case to != Active && to != Frozen && to != Closed:
		return fault.New(fault.Invalid, `state must be "active", "frozen" or "closed"`)
	case b.State == Closed && to != Closed:
		return fault.New(fault.Conflict, "a closed account stays closed")
	case to == Closed && b.Available+b.Held != 0:
		return fault.New(fault.Conflict, "the account still has credits, so it can't be closed")
	}
	return nil
}

// StateChange is a new state of a principal's account, and who gave it.
type StateChange struct {
	Principal string
	State     AccountState
	Actor     string
	At        time.Time
}

// SetState changes the state of a principal's account. Again: the same answer. NotFound before its first credit;
// Conflict when it is closed for good, or has credits and is to be closed.
func (l *Ledger) SetState(ctx context.Context, by Actor, principal string, to AccountState) error {
	if err := checkPrincipal("owner", principal); err != nil {
		return err
	}
	if err := l.cfg.Allow(ctx, Object{Owner: principal}); err != nil {
		return err
	}
	return l.cfg.Store.Do(ctx, func(ctx context.Context, tx Tx) error {
		b, err := tx.Account(ctx, principal)
		if err != nil {
			return err
		}
		if err := b.become(to); err != nil || b.State == to {
			return err
		}
		return tx.SetState(ctx, StateChange{Principal: principal, State: to, Actor: by.Principal, At: l.now()})
	})
}
