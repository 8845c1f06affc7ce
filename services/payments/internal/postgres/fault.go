package postgres

import (
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/pgfault"
)

// asFault says what PostgreSQL's refusal means to the ledger. What the ledger itself returned passes unchanged.
func asFault(err error) error {
	switch pgfault.Constraint(err) {
	case "accounts_balance_not_negative":
		return fault.Wrap(fault.InsufficientCredits, err, "not enough credits")
	case "accounts_state_permits":
		return fault.Wrap(fault.AccountBlocked, err, "the account's state doesn't permit this")
	case "accounts_closed_for_good", "accounts_closed_empty":
		return fault.Wrap(fault.Conflict, err, "the account can't change its state so")
	case "transfers_refunded_once":
		return fault.Wrap(fault.Conflict, err, "the transfer was refunded before")
	}
	return pgfault.From(err, "the ledger")
}
