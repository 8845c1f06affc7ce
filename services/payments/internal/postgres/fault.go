package postgres

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"redoubt.example/services/platform/fault"
)

// asFault says what PostgreSQL's refusal means to the ledger. What the ledger itself returned passes unchanged.
func asFault(err error) error {
	if err == nil || fault.KindOf(err) != fault.Internal {
		return err
	}
	var refused *pgconn.PgError
	switch {
	case !errors.As(err, &refused): // no answer: unreachable, gone midway, or the pool is closed
		return fault.Wrap(fault.Unavailable, err, "the ledger can't be reached")
	case refused.ConstraintName == "accounts_balance_not_negative":
		return fault.Wrap(fault.InsufficientCredits, err, "not enough credits")
	case refused.ConstraintName == "transfers_refunded_once":
		return fault.Wrap(fault.Conflict, err, "the transfer was refunded before")
	case transient(refused.Code):
		return fault.Wrap(fault.Unavailable, err, "the ledger can't be reached")
	}
	return err
}

// transient tells whether asking again may help: connection lost, rolled back under contention, short of
// resources, shut down, or a login whose lease has just ended (SQLSTATE classes 08, 28, 40, 53, 57).
func transient(code string) bool {
	for _, class := range []string{"08", "28", "40", "53", "57"} {
		if strings.HasPrefix(code, class) {
			return true
		}
	}
	return false
}
