package ledger

import (
	"strings"
	"time"

	"github.com/google/uuid"
	"redoubt.example/services/platform/fault"
)

// Kind says why credits moved.
type Kind string

// The kinds of transfer.
const (
	KindCredit  Kind = "credit"  // issued to a customer
	KindHold    Kind = "hold"    // set aside by an authorization
	KindCapture Kind = "capture" // earned: an authorization was captured
	KindRelease Kind = "release" // given back: an authorization was voided, or it expired
	KindRefund  Kind = "refund"  // another transfer was undone
)

// Entry is one line of a transfer; a positive amount flows into the account.
type Entry struct {
	Account Account
	Amount  int64
}

// Transfer moves credits between accounts. It is never changed afterwards, and its entries sum to zero.
type Transfer struct {
	ID        uuid.UUID // version 7, so a principal's transfers sort by it
	Kind      Kind
	Principal string // whose ledger it belongs to
	Memo      string
	RefundOf  uuid.UUID // of a refund: the transfer that it undoes
	Service   string    // which service asked for it
	Actor     string    // the end user behind it; "" when there was none
	CreatedAt time.Time
	Entries   []Entry
}

// Amount is what the transfer changed for its principal, available and held together: setting credits aside is 0.
func (t Transfer) Amount() int64 {
	var sum int64
	for _, e := range t.Entries {
		if e.Account == Customer(t.Principal) || e.Account == Held(t.Principal) {
			sum += e.Amount
		}
	}
	return sum
}

// size is how many credits the transfer moves.
func (t Transfer) size() int64 {
	var sum int64
	for _, e := range t.Entries {
		sum += max(e.Amount, 0)
	}
	return sum
}

// refund is the transfer that undoes t in full, still without ID and origin. Only what changed hands can be undone.
func (t Transfer) refund() (Transfer, error) {
	back := Transfer{Kind: KindRefund, Principal: t.Principal, RefundOf: t.ID}
	switch t.Kind {
	case KindCredit:
		back.Entries = move(t.size(), Customer(t.Principal), Issuance)
	case KindCapture: // the hold is history: the credits go back to what the customer can spend
		back.Entries = move(t.size(), Revenue, Customer(t.Principal))
	default:
		return Transfer{}, fault.New(fault.Unprocessable, "a %s can't be refunded", strings.ToLower(string(t.Kind)))
	}
	return back, nil
}

func move(amount int64, from, to Account) []Entry {
	return []Entry{{Account: from, Amount: -amount}, {Account: to, Amount: amount}}
}
