// Package pgfault says what an error of PostgreSQL's means to a caller. What a constraint means is for the store
// that has it: look with Constraint first.
package pgfault

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"redoubt.example/services/platform/fault"
)

// From makes an Unavailable fault of an error that asking again may mend, such as a lost connection; what names
// the store to the caller. Faults, ended contexts, and mistakes in a query (which stay Internal) pass unchanged.
func From(err error, what string) error {
	if err == nil || fault.KindOf(err) != fault.Internal || mistake(err) {
		return err
	}
	return fault.Wrap(fault.Unavailable, err, "%s can't be reached", what)
}

// Constraint returns the name of the constraint that err violates, or "".
func Constraint(err error) string {
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		return refused.ConstraintName
	}
	return ""
}

// transient are the SQLSTATE classes of what passes: connection lost, login refused because its lease has just
// ended, rolled back under contention, short of resources, shut down.
var transient = []string{"08", "28", "40", "53", "57"}

// mistake tells whether PostgreSQL answered, and no transient state of its own was the reason.
func mistake(err error) bool {
	if _, ok := errors.AsType[pgx.ScanArgError](err); ok {
		return true
	}
	refused, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return false // no answer: unreachable, gone midway, or the pool is closed
	}
	for _, class := range transient {
		if strings.HasPrefix(refused.Code, class) {
			return false
		}
	}
	return true
}
