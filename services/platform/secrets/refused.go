package secrets

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// refusals notices that PostgreSQL no longer takes the current login, because the operator has revoked its lease,
// and has the next one fetched at once rather than at half of a life that is over. It traces nothing.
type refusals struct{ d *database }

// PostgreSQL's error codes of class 28, invalid authorization specification.
const invalidAuthorization, invalidPassword = "28000", "28P01"

func (refusals) TraceConnectStart(ctx context.Context, _ pgx.TraceConnectStartData) context.Context {
	return context.WithValue(ctx, connectStarted{}, time.Now())
}

func (r refusals) TraceConnectEnd(ctx context.Context, end pgx.TraceConnectEndData) {
	var refused *pgconn.PgError
	if !errors.As(end.Err, &refused) || (refused.Code != invalidPassword && refused.Code != invalidAuthorization) {
		return
	}
	// A login that took over since this connection was begun is another one, and may be good.
	if began, ok := ctx.Value(connectStarted{}).(time.Time); !ok || r.d.currentLease().began.After(began) {
		return
	}
	select {
	case r.d.dead <- struct{}{}:
	default:
	}
}

type connectStarted struct{}

func (refusals) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}
func (refusals) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
