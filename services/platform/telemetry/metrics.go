package telemetry

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics is one process's registry, with what every server measures.
type Metrics struct {
	registry *prometheus.Registry
	own      prometheus.Registerer // adds the label service
	requests *prometheus.HistogramVec
	controls *prometheus.HistogramVec
}

// durationBuckets run from 50 us to above 20 s in steps of 15 %: a quantile read from them is at most that far off.
var durationBuckets = prometheus.ExponentialBuckets(50e-6, 1.15, 94)

// controlBuckets run from a quarter of a microsecond to 4 s, each twice the one before.
var controlBuckets = prometheus.ExponentialBuckets(250e-9, 2, 25)

// NewMetrics returns a registry whose series carry the constant label service=workload.
func NewMetrics(workload string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "redoubt_server_request_duration_seconds",
			Help:    "Time from a request's arrival to the end of its response. code is the HTTP status; gRPC codes are mapped to it.",
			Buckets: durationBuckets,
		}, []string{"caller", "route", "code"}),
	}
	m.own = prometheus.WrapRegistererWith(prometheus.Labels{"service": workload}, m.registry)
	m.controls = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "redoubt_control_duration_seconds",
		Help:    "Time that a request spent in a control, of those that the process enforces on requests.",
		Buckets: controlBuckets,
	}, []string{"control"})
	m.own.MustRegister(m.requests, m.controls)
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// ObserveRequest counts one served request. route is topology.yaml's text, never a path from the wire: labels are bounded.
func (m *Metrics) ObserveRequest(caller, route string, status int, d time.Duration) {
	m.requests.WithLabelValues(caller, route, strconv.Itoa(status)).Observe(d.Seconds())
}

// Control returns where to enter a control's times. id is one of the register's: labels are bounded.
func (m *Metrics) Control(id string) prometheus.Observer { return m.controls.WithLabelValues(id) }

// MustRegister adds a package's own collectors. A name registered twice is a programming error: it panics.
func (m *Metrics) MustRegister(cs ...prometheus.Collector) { m.own.MustRegister(cs...) }

// Handler serves the registry in Prometheus' text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
