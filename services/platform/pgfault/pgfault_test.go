package pgfault_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/pgfault"
)

func TestFrom(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		want fault.Kind
	}{
		"a wrong query":        {&pgconn.PgError{Code: "42601"}, fault.Internal},
		"no right":             {&pgconn.PgError{Code: "42501"}, fault.Internal},
		"a violated check":     {&pgconn.PgError{Code: "23514"}, fault.Internal},
		"a wrong destination":  {pgx.ScanArgError{Err: errors.New("x")}, fault.Internal},
		"a fault":              {fault.New(fault.NotFound, "x"), fault.NotFound},
		"an ended context":     {context.DeadlineExceeded, fault.Timeout},
		"a wrapped deadlock":   {fmt.Errorf("post: %w", &pgconn.PgError{Code: "40P01"}), fault.Unavailable},
		"shut down":            {&pgconn.PgError{Code: "57P01"}, fault.Unavailable},
		"a lease that ended":   {&pgconn.PgError{Code: "28P01"}, fault.Unavailable},
		"a connection cut off": {io.ErrUnexpectedEOF, fault.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			got := pgfault.From(tc.err, "the ledger")
			require.Equal(t, tc.want, fault.KindOf(got))
			require.ErrorIs(t, got, tc.err)
		})
	}
	require.NoError(t, pgfault.From(nil, ""))
}

func TestConstraint(t *testing.T) {
	require.Equal(t, "positive", pgfault.Constraint(fmt.Errorf("x: %w", &pgconn.PgError{ConstraintName: "positive"})))
	require.Empty(t, pgfault.Constraint(errors.New("x")))
}
