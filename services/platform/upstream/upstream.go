// Package upstream is how one service calls another: over the mesh, with a kept pool of connections, time
// limits, a circuit breaker, and retries that can't become a storm. It passes on what belongs to the
// transaction (Txn-Token, X-Request-Id, traceparent), and every error comes back as a fault.
package upstream

import (
	"context"
	"log/slog"
	"net"
	"time"

	"redoubt.example/services/platform/telemetry"
)

// DefaultTimeout is how long one try may take until the response's headers are there. The whole call, retries
// and body included, ends with its context.
const DefaultTimeout = 2 * time.Second

// Dialer reaches an upstream by name, authenticated on both sides; *mesh.Mesh is the one that counts.
type Dialer interface {
	Dial(ctx context.Context, upstream string) (net.Conn, error)
}

// Option changes a client from its defaults.
type Option func(*options)

type options struct {
	timeout time.Duration
	log     *slog.Logger
	metrics *telemetry.Metrics
}

// WithTimeout sets how long one try may take until the response's headers are there. It must be longer than
// the upstream's own calls may take.
func WithTimeout(d time.Duration) Option { return func(o *options) { o.timeout = d } }

// WithLogger sets where the breaker reports its changes.
func WithLogger(log *slog.Logger) Option { return func(o *options) { o.log = log } }

// WithMetrics registers the upstream's series. Once per upstream and process.
func WithMetrics(m *telemetry.Metrics) Option { return func(o *options) { o.metrics = m } }

func apply(opts []Option) options {
	o := options{timeout: DefaultTimeout, log: slog.Default()}
	for _, opt := range opts {
		opt(&o)
	}
	return o
}
