package upstream

import (
	"context"
	"net/http"
	"time"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/fault"
)

// IdempotencyKey is the header that makes any method safe to repeat
// (draft-ietf-httpapi-idempotency-key-header).
const IdempotencyKey = "Idempotency-Key"

// retrying repeats what is safe to repeat, within the budget.
//
// Beneath it, net/http itself repeats a request on a fresh connection when a kept one turns out to be dead:
// always when nothing was written yet, and, for the same requests that we call safe, when the connection ended
// before a byte of the response. A POST without a key that was already written surfaces as an error: the peer
// may have acted on it.
type retrying struct {
	next   http.RoundTripper
	budget *budget
}

func (t *retrying) RoundTrip(r *http.Request) (*http.Response, error) {
	t.budget.earn()
	safe := repeatable(r)
	for try := 1; ; try++ {
		resp, err := t.next.RoundTrip(r)
		if !safe || try == maxTries || !passing(resp, err) || !t.again(r.Context(), try) {
			return resp, err
		}
		if resp != nil {
			drain(resp.Body)
		}
		if r, err = rewind(r); err != nil {
			return nil, err
		}
	}
}

// again waits until the next try; false when the budget or the context doesn't allow one.
func (t *retrying) again(ctx context.Context, try int) bool {
	wait := delay(try)
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < wait {
		return false
	}
	defer controls.Begin(ctx, controls.Retry).End()
	return t.budget.spend() && sleep(ctx, wait)
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func repeatable(r *http.Request) bool {
	if r.Body != nil && r.Body != http.NoBody && r.GetBody == nil {
		return false // a stream is gone once read
	}
	return r.Method == http.MethodGet || r.Method == http.MethodHead || r.Header.Get(IdempotencyKey) != ""
}

// passing tells whether the same request may fare better a moment later. An upstream that says when to come
// back is taken at its word. What failed behind it is repeated there, at one hop alone: were it repeated at each,
// tries would multiply.
func passing(resp *http.Response, err error) bool {
	if err != nil {
		return fault.KindOf(err) != fault.BreakerOpen
	}
	switch resp.StatusCode {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return resp.Header.Get("Retry-After") == "" && !fault.Behind(resp)
	}
	return false
}

func rewind(r *http.Request) (*http.Request, error) {
	if r.GetBody == nil {
		return r, nil
	}
	body, err := r.GetBody()
	if err != nil {
		return nil, err
	}
	next := *r
	next.Body = body
	return &next, nil
}
