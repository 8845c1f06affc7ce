package shed

import "github.com/prometheus/client_golang/prometheus"

// Collectors returns the limiter's metrics; pool tells limiters of one process apart.
func (l *Limiter) Collectors(pool string) []prometheus.Collector {
	labels := prometheus.Labels{"pool": pool}
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, l.locked(value))
	}
	return []prometheus.Collector{
		gauge("redoubt_gateway_concurrency_limit", "How many requests may be in work at once.", func() float64 { return float64(l.pace.limit()) }),
		gauge("redoubt_gateway_in_work", "Requests in work.", func() float64 { return float64(l.busy) }),
		gauge("redoubt_gateway_waiting", "Requests that wait for their client's turn.", func() float64 { return float64(l.waiting) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "redoubt_gateway_shed_total", Help: "Requests refused because there was too much to do.", ConstLabels: labels},
			l.locked(func() float64 { return float64(l.refused) })),
	}
}

func (l *Limiter) locked(value func() float64) func() float64 {
	return func() float64 {
		l.mu.Lock()
		defer l.mu.Unlock()
		return value()
	}
}
