package ledger

import (
	"time"

	"github.com/google/uuid"
	"redoubt.example/services/platform/fault"
)

// State is where an authorization stands. Authorized is the first; the others are final.
type State string

// The states of an authorization.
const (
	Authorized State = "authorized"
	Captured   State = "captured"
	Voided     State = "voided"
	Expired    State = "expired"
)

// Authorization sets credits of a principal aside until they are captured or given back.
type Authorization struct {
	ID         uuid.UUID
	Principal  string
	Maker      string // the service that asked for it: it alone may settle it
	Amount     int64
	Reference  string
	State      State
	Hold       uuid.UUID // the transfer that set the credits aside
	Settlement uuid.UUID // the transfer that ended it; Nil while it is open
	CreatedAt  time.Time
	ExpiresAt  time.Time
	SettledAt  time.Time
}

// settle moves the authorization to a final state and returns the transfer that this takes, still without origin.
// Settling again to the same state takes none (false). Another final state is a Conflict, except that voiding
// what has expired asks for what already happened.
func (a *Authorization) settle(to State, now time.Time) (Transfer, bool, error) {
	switch {
	case a.State == to, a.State == Expired && to == Voided:
		return Transfer{}, false, nil
	case a.State != Authorized:
		return Transfer{}, false, fault.New(fault.Conflict, "the authorization is %s, so it can't become %s", a.State, to)
	case to == Captured && !now.Before(a.ExpiresAt):
		return Transfer{}, false, fault.New(fault.Conflict, "the authorization has expired, so it can't become %s", to)
	}
	t := Transfer{ID: newID(), Principal: a.Principal, Memo: a.Reference, CreatedAt: now}
	if to == Captured {
		t.Kind, t.Entries = KindCapture, move(a.Amount, Held(a.Principal), Revenue)
	} else {
		t.Kind, t.Entries = KindRelease, move(a.Amount, Held(a.Principal), Customer(a.Principal))
	}
	a.State, a.Settlement, a.SettledAt = to, t.ID, now
	return t, true, nil
}

func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }
