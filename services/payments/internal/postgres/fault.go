package postgres

import (
	"context"
	"slices"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/pgfault"
)

// decisive are the constraints that make infra.ledger: what no two requests at once get past.
var decisive = []string{"accounts_balance_not_negative", "transfers_refunded_once"}

// record says it when the database, and nobody before it, refused a transfer.
func record(ctx context.Context, err error) {
	if name := pgfault.Constraint(err); slices.Contains(decisive, name) {
		controls.Record(ctx, controls.InfraLedger, controls.Deny, "the database's constraint "+name+" doesn't permit it")
	}
}

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
