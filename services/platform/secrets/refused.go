package secrets

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"redoubt.example/services/platform/controls"
)

// refusals notices that PostgreSQL no longer takes the current login, because the operator has revoked its lease,
// and has the next one fetched at once rather than at half of a life that is over. It enters the time of every query,
// of the wait for a connection, and of opening one with
// the leased login, in the request's ledger.
type refusals struct{ d *database }

// PostgreSQL's error codes of class 28, invalid authorization specification.
const invalidAuthorization, invalidPassword = "28000", "28P01"

func (refusals) TraceConnectStart(ctx context.Context, _ pgx.TraceConnectStartData) context.Context {
	return wait(ctx, controls.Secret)
}

func (r refusals) TraceConnectEnd(ctx context.Context, end pgx.TraceConnectEndData) {
	waited(ctx)
	var failed *pgconn.ConnectError
	var refused *pgconn.PgError
	if !errors.As(end.Err, &failed) || !errors.As(end.Err, &refused) || (refused.Code != invalidPassword && refused.Code != invalidAuthorization) {
		return
	}
	if failed.Config.User != r.d.currentLease().user { // another has taken over
		return
	}
	select {
	case r.d.dead <- struct{}{}:
	default:
	}
}

func (refusals) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return wait(ctx, controls.Database)
}
func (refusals) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) { waited(ctx) }

func (refusals) TraceAcquireStart(ctx context.Context, _ *pgxpool.Pool, _ pgxpool.TraceAcquireStartData) context.Context {
	return wait(ctx, controls.Database)
}
func (refusals) TraceAcquireEnd(ctx context.Context, _ *pgxpool.Pool, _ pgxpool.TraceAcquireEndData) {
	waited(ctx)
}

type waitBegan struct{}

func wait(ctx context.Context, entry string) context.Context {
	if controls.LedgerOf(ctx) == nil {
		return ctx
	}
	return context.WithValue(ctx, waitBegan{}, controls.Begin(ctx, entry))
}

func waited(ctx context.Context) {
	if span, ok := ctx.Value(waitBegan{}).(controls.Span); ok {
		span.End()
	}
}
