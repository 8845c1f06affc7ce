package ledger

import (
	"strings"
	"unicode/utf8"

	"redoubt.example/services/platform/fault"
)

// Account names an account. A principal has two, and the house has its own; customers' are opened on first use.
type Account string

// The house's accounts. Their balance isn't kept, since every capture would queue up behind that one row: it is
// the sum of their entries.
const (
	Issuance Account = "system:issuance" // credits come from here: its balance is minus all that is in circulation
	Revenue  Account = "system:revenue"  // what captures have earned
)

// Customer is what the principal can spend.
func Customer(principal string) Account { return Account("customer:" + principal) }

// Held is what authorizations have set aside of the principal's credits.
func Held(principal string) Account { return Account("held:" + principal) }

// Balance is what a principal owns, and the state that it is in.
type Balance struct {
	Available int64 // to spend
	Held      int64 // set aside by authorizations that are still open
	State     AccountState
}

// MaxAmount bounds one movement, in credits.
const MaxAmount = 1_000_000

const (
	maxPrincipal = 128 // bytes
	maxText      = 200 // runes of a memo or a reference
)

func checkAmount(amount int64) error {
	if amount < 1 || amount > MaxAmount {
		return fault.New(fault.Invalid, "amount must be between 1 and %d credits", MaxAmount)
	}
	return nil
}

func checkText(field, text string) error {
	if !utf8.ValidString(text) || utf8.RuneCountInString(text) > maxText || strings.ContainsFunc(text, isControl) {
		return fault.New(fault.Invalid, "%s must be at most %d characters on one line", field, maxText)
	}
	return nil
}

func checkPrincipal(field, name string) error {
	unusable := func(r rune) bool { return r <= ' ' || r > '~' }
	if name == "" || len(name) > maxPrincipal || strings.ContainsFunc(name, unusable) {
		return fault.New(fault.Invalid, "%s must be 1 to %d visible ASCII characters", field, maxPrincipal)
	}
	return nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }
