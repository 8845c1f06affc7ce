package tunnel

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts what crosses the mesh. Peers are labelled only once they are verified, so their number is bounded.
type Metrics struct {
	handshakes *prometheus.HistogramVec
	refused    *prometheus.CounterVec
	open       *prometheus.GaugeVec
	bytes      *prometheus.CounterVec
}

// NewMetrics makes the metrics and registers them with r.
func NewMetrics(r interface{ MustRegister(...prometheus.Collector) }) *Metrics {
	m := &Metrics{
		handshakes: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "redoubt_mesh_handshake_seconds",
			Help: "Time of completed mTLS handshakes.", Buckets: prometheus.ExponentialBuckets(100e-6, 2, 14)}, []string{"direction", "resumed"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "redoubt_mesh_refused_total",
			Help: "Connections refused, by the control that refused them."}, []string{"direction", "control"}),
		open: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "redoubt_mesh_open_connections",
			Help: "Mesh connections open now."}, []string{"direction", "peer"}),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "redoubt_mesh_bytes_total",
			Help: "Bytes relayed by connections that have ended."}, []string{"direction", "peer", "flow"}),
	}
	r.MustRegister(m.handshakes, m.refused, m.open, m.bytes)
	return m
}

const (
	inbound  = "inbound"
	outbound = "outbound"
)

func (m *Metrics) handshake(direction string, began time.Time, resumed bool) {
	label := "no"
	if resumed {
		label = "yes"
	}
	m.handshakes.WithLabelValues(direction, label).Observe(time.Since(began).Seconds())
}
