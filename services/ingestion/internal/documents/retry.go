package documents

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v5"
	"redoubt.example/services/platform/fault"
)

// retry repeats an idempotent operation whose outcome is open, until ctx ends. Beneath it the upstream's client
// repeats what fails on the wire; this outlasts a restart of the upstream.
func retry(ctx context.Context, operation func() error) error {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 50*time.Millisecond, time.Second
	var last error // says more than that the time is over
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		if last = operation(); last != nil && !open(last) {
			return struct{}{}, backoff.Permanent(last)
		}
		return struct{}{}, last
	}, backoff.WithBackOff(wait))
	if err != nil && last != nil {
		return last
	}
	return err
}

// open tells whether the operation may have happened, or may yet.
func open(err error) bool {
	switch fault.KindOf(err) {
	case fault.Internal, fault.RateLimited, fault.UpstreamFailed, fault.BreakerOpen, fault.Unavailable, fault.Timeout:
		return true
	}
	return false
}
