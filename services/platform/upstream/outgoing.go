package upstream

import (
	"context"
	"errors"
	"net"
	"net/http"

	"redoubt.example/services/platform/authn"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/telemetry"
)

// outgoing is the outermost layer: the transaction's headers on the way out, typed errors on the way back.
type outgoing struct {
	next     http.RoundTripper
	upstream string
}

func (t *outgoing) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	out := r.Clone(ctx) // a RoundTripper may not change its caller's request
	out.URL.Scheme, out.URL.Host, out.Host = "http", t.upstream, t.upstream
	if out.Header == nil {
		out.Header = http.Header{}
	}
	// Set, not added: what the context holds was verified, what the request carried may have come from anybody.
	set := func(key, value string) {
		out.Header.Del(key)
		if value != "" {
			out.Header.Set(key, value)
		}
	}
	set(authn.Header, transactionToken(ctx))
	set(telemetry.RequestIDHeader, telemetry.RequestID(ctx))
	set(telemetry.TraceparentHeader, telemetry.Traceparent(ctx))
	resp, err := t.next.RoundTrip(out)
	if err != nil {
		return nil, failure(ctx, t.upstream, err)
	}
	return resp, nil
}

func transactionToken(ctx context.Context) string {
	if token, ok := authn.FromContext(ctx); ok {
		return token.Raw
	}
	return ""
}

// failure types an error of the way there or back. Faults, such as an open breaker's, stay what they are.
func failure(ctx context.Context, upstream string, err error) error {
	var timeout net.Error
	switch {
	case fault.KindOf(err) == fault.BreakerOpen:
		return err
	case errors.Is(ctx.Err(), context.Canceled):
		return fault.Wrap(fault.Canceled, err, "request canceled")
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return fault.Wrap(fault.Timeout, err, "%s took too long", upstream)
	}
	return fault.Wrap(fault.UpstreamFailed, err, "%s can't be reached", upstream)
}
