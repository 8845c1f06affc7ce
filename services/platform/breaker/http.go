package breaker

import (
	"context"
	"net/http"

	"redoubt.example/services/platform/fault"
)

// Transport returns next guarded by the breaker. Connection errors, time-outs and statuses of 500 and above
// are failures; 4xx is an answer, a cancellation by the caller says nothing about the upstream, and neither does
// the failure of something behind it: else one dead service would take all those in front of it along.
// A refusal is fault.BreakerOpen.
func (b *Breaker) Transport(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		done, err := b.allow(r.Context())
		if err != nil {
			closeBody(r)
			return nil, err
		}
		counted := false
		defer func() { // a panic below must not leave a half-open breaker waiting for its probe
			if !counted {
				done(errFailed)
			}
		}()
		resp, err := next.RoundTrip(r)
		counted = true
		switch {
		case err != nil && r.Context().Err() == context.Canceled:
			done(context.Canceled)
		case err != nil:
			done(err)
		case resp.StatusCode >= http.StatusInternalServerError && !fault.Behind(resp):
			done(errFailed)
		default:
			done(nil)
		}
		return resp, err
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// closeBody keeps http.RoundTripper's promise for a request that isn't sent.
func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
}
