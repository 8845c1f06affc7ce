package upstream

import (
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"redoubt.example/services/platform/telemetry"
)

const (
	maxTries  = 3
	baseDelay = 20 * time.Millisecond
	maxDelay  = 250 * time.Millisecond

	// One retry costs as much as five requests earn: at most 20 % more load on an upstream in trouble.
	retryCost  = 5
	budgetFull = 10 * retryCost // what may be retried after a quiet time
)

// budget is a token bucket for retries, filled by requests: Google SRE's retry budget, per upstream.
type budget struct {
	tokens  atomic.Int64
	retries prometheus.Counter
	refused prometheus.Counter
}

func newBudget(upstream string, metrics *telemetry.Metrics) *budget {
	labels := prometheus.Labels{"upstream": upstream}
	b := &budget{
		retries: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "redoubt_upstream_retries_total", Help: "Tries after the first.", ConstLabels: labels}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "redoubt_upstream_retries_refused_total", Help: "Retries that the budget didn't allow.", ConstLabels: labels}),
	}
	b.tokens.Store(budgetFull)
	if metrics != nil {
		metrics.MustRegister(b.retries, b.refused)
	}
	return b
}

// earn is called once per request.
func (b *budget) earn() {
	if b.tokens.Add(1) > budgetFull {
		b.tokens.Add(-1)
	}
}

// spend tells whether one retry is allowed.
func (b *budget) spend() bool {
	if b.tokens.Add(-retryCost) < 0 {
		b.tokens.Add(retryCost)
		b.refused.Inc()
		return false
	}
	b.retries.Inc()
	return true
}

// delay before the given retry (1 is the first): exponential with full jitter, so that callers who failed
// together don't come back together.
func delay(retry int) time.Duration {
	return rand.N(min(baseDelay<<(retry-1), maxDelay)) + time.Millisecond
}
