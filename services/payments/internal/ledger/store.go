package ledger

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Store keeps the ledger. Its errors are faults: Unavailable when it can't be reached.
type Store interface {
	// Do runs f in one transaction, which is committed when f returns nil. When Do itself fails, the outcome may
	// be unknown; the idempotency key makes asking again safe.
	Do(ctx context.Context, f func(context.Context, Tx) error) error
	// Balance returns zeros, and Active, for a principal without accounts.
	Balance(ctx context.Context, principal string) (Balance, error)
	// Transfers returns at most limit transfers of the principal older than before (Nil: from the newest), newest first.
	Transfers(ctx context.Context, principal string, before uuid.UUID, limit int) ([]Transfer, error)
	// ForgetKeys drops idempotency keys claimed before the given time.
	ForgetKeys(ctx context.Context, before time.Time) error
}

// Tx is one transaction of a Store. Callers lock in this order: key, authorization, accounts.
type Tx interface {
	// Claim binds the key to result, unless it is bound already, and returns what it is bound to. It waits for a
	// transaction in flight that has claimed the same key. A key bound by another request is Unprocessable.
	Claim(ctx context.Context, key Key, result uuid.UUID) (uuid.UUID, error)
	// Post writes a transfer and changes the balances. InsufficientCredits when one would become negative;
	// AccountBlocked when an account's state doesn't permit it; Conflict when the transfer is the second refund of another.
	Post(ctx context.Context, t Transfer) error
	// Transfer is NotFound when there is none.
	Transfer(ctx context.Context, id uuid.UUID) (Transfer, error)
	// Account locks the principal's account until the transaction ends. NotFound before its first credit.
	Account(ctx context.Context, principal string) (Balance, error)
	// SetState writes an account's state, and who changed it.
	SetState(ctx context.Context, c StateChange) error
	OpenAuthorization(ctx context.Context, a Authorization) error
	// Authorization locks what it returns until the transaction ends. NotFound when there is none.
	Authorization(ctx context.Context, id uuid.UUID) (Authorization, error)
	// NextExpired locks and returns an authorization that is open after its time and that no other transaction
	// is working on. NotFound when there is none.
	NextExpired(ctx context.Context, now time.Time) (Authorization, error)
	// SettleAuthorization writes the state and what came with it.
	SettleAuthorization(ctx context.Context, a Authorization) error
}
