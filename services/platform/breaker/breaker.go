// Package breaker stops asking an upstream that keeps failing, for as long as it takes it to come back:
// sony/gobreaker as one http.RoundTripper and as gRPC client interceptors.
package breaker

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sony/gobreaker/v2"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/telemetry"
)

const (
	// openFor is short: a supervisor restarts a dead peer within a second, and the breaker must not be what
	// keeps callers out after that.
	openFor = time.Second
	// probes may pass at once when the breaker is half open; as many successes close it.
	probes = 3
	// window is what the failure rate is taken over.
	window = 10 * time.Second
	// The breaker opens at this many failures in a row, or when at least half of minRequests or more failed.
	consecutive = 5
	minRequests = 20
)

// errFailed is what a response of 500 and above counts as.
var errFailed = errors.New("upstream answered with a server error")

// Breaker guards one upstream. Safe for concurrent use.
type Breaker struct {
	upstream string
	state    *gobreaker.TwoStepCircuitBreaker[struct{}]
	rejected prometheus.Counter
}

// New returns a closed breaker. It logs each change of state to log, and registers its state and its
// rejections with metrics (once per upstream), which may be nil.
func New(upstream string, log *slog.Logger, metrics *telemetry.Metrics) *Breaker {
	labels := prometheus.Labels{"upstream": upstream}
	b := &Breaker{
		upstream: upstream,
		state: gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
			Name:         upstream,
			MaxRequests:  probes,
			Interval:     window,
			BucketPeriod: time.Second,
			Timeout:      openFor,
			ReadyToTrip: func(c gobreaker.Counts) bool {
				return c.ConsecutiveFailures >= consecutive || (c.Requests >= minRequests && 2*c.TotalFailures >= c.Requests)
			},
			IsExcluded: func(err error) bool { return errors.Is(err, context.Canceled) },
			OnStateChange: func(_ string, from, to gobreaker.State) {
				log.Warn("circuit breaker changed", "upstream", upstream, "from", from.String(), "to", to.String())
			},
		}),
		rejected: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "redoubt_breaker_rejected_total", Help: "Calls refused without asking the upstream.", ConstLabels: labels,
		}),
	}
	if metrics != nil {
		gauge := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "redoubt_breaker_state", Help: "0 closed, 1 half open, 2 open.", ConstLabels: labels,
		}, func() float64 { return float64(b.state.State()) })
		metrics.MustRegister(gauge, b.rejected)
	}
	return b
}

// allow asks for permission to call. done reports how the call ended: nil is a success, a cancellation by the
// caller counts for nothing. Call it exactly once. Their time is entered in ctx's ledger.
func (b *Breaker) allow(ctx context.Context) (done func(error), err error) {
	defer controls.Begin(ctx, controls.Breaker).End()
	report, err := b.state.Allow()
	if err != nil {
		b.rejected.Inc()
		return nil, fault.RetryAfter(fault.Wrap(fault.BreakerOpen, err, "%s is failing; try again shortly", b.upstream), openFor)
	}
	return func(err error) {
		defer controls.Begin(ctx, controls.Breaker).End()
		report(err)
	}, nil
}
