package connect

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v5"
	grpcbackoff "google.golang.org/grpc/backoff"
)

// Consul coming back should be noticed soon: the pauses end at two seconds.
const maxPause = 2 * time.Second

var grpcBackoff = grpcbackoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: maxPause}

// retry paces attempts: exponentially longer pauses with jitter, until reset.
type retry struct{ backoff *backoff.ExponentialBackOff }

func newRetry() *retry {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval = 50*time.Millisecond, maxPause
	return &retry{b}
}

// next is when the next attempt is due.
func (r *retry) next() time.Time { return time.Now().Add(r.backoff.NextBackOff()) }

func (r *retry) reset() { r.backoff.Reset() }

// pause waits for the next attempt, or less when early closes. It returns false when ctx has ended.
func (r *retry) pause(ctx context.Context, early <-chan struct{}) bool {
	return sleep(ctx, r.backoff.NextBackOff(), early)
}

// sleep waits for d, early or the end of ctx, and returns false for the last.
func sleep(ctx context.Context, d time.Duration, early <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
	case <-early:
	}
	return ctx.Err() == nil
}
