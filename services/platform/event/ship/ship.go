// Package ship brings a process's security events to sentinel. It stands between the process's logger and where that writes:
// each line that is an event (package event) is copied into a buffer, and nothing waits. A goroutine makes events of the lines
// and posts them by OTLP/HTTP (opentelemetry-proto v1.11.0, docs/specification.md), five times a second.
//
// Whether sentinel is there or not, requests and readiness are the same. What it doesn't take waits, up to 2 MiB of lines, and
// is tried again; what finds no room is lost, counted, and reported as an event as soon as sending works again. Where little
// room is left, access lines are lost before decisions are. A line that the log's level leaves out is no event.
package ship

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"redoubt.example/services/platform/telemetry"
)

// Sentinel is the workload to which events are sent.
const Sentinel = "sentinel"

// Config says whose events they are.
type Config struct {
	Workload  string    // who reports
	Node      string    // which of its processes: the service of its log lines
	Upstreams []string  // topology.yaml's, of the workload
	RunDir    string    // the workload's own folder
	Log       io.Writer // where the lines go, whatever becomes of the events
	Metrics   interface {
		MustRegister(...prometheus.Collector)
	}
}

// Shipper is what the process's logger writes to. Make it with New, and Start it once there is a way to sentinel.
type Shipper struct {
	cfg    Config
	buffer *buffer // nil: topology.yaml has no way to sentinel, and there is nothing to do
	loss   *loss
	sent   prometheus.Counter
	log    *slog.Logger // of what there is to say about sending; none of it is an event

	start  sync.Once
	to     *receiver
	stop   chan struct{} // closes when the process ends
	ended  chan struct{} // closes when everything was sent, or given up
	ctx    context.Context
	cancel context.CancelFunc

	away    bool      // sentinel doesn't take events
	refused bool      // it was reported that it doesn't let us in
	taken   time.Time // when it last took some
}

// New returns a shipper that keeps events until Start.
func New(cfg Config) *Shipper {
	s := &Shipper{cfg: cfg, stop: make(chan struct{}), ended: make(chan struct{}), log: telemetry.NewLogger(cfg.Log, cfg.Node, "info")}
	if cfg.Workload != Sentinel && !slices.Contains(cfg.Upstreams, Sentinel) {
		return s
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.loss = newLoss()
	s.buffer = newBuffer(s.loss)
	s.sent = prometheus.NewCounter(prometheus.CounterOpts{Name: "redoubt_events_sent_total", Help: "Security events that sentinel took."})
	cfg.Metrics.MustRegister(s.loss.total, s.sent, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "redoubt_events_waiting_bytes",
		Help: "Log lines that are events and wait to be sent."}, s.buffer.size))
	return s
}

// Write implements io.Writer for a logger of package telemetry, which writes one line at a time. What it returns is of the log.
func (s *Shipper) Write(line []byte) (int, error) {
	if s.buffer != nil {
		s.buffer.put(line)
	}
	return s.cfg.Log.Write(line)
}

// Start begins to send, over the mesh. Close ends it.
func (s *Shipper) Start(mesh Dialer) {
	if s.buffer == nil {
		return
	}
	s.start.Do(func() {
		s.to = newReceiver(s.cfg, mesh)
		go s.run()
	})
}

// Close sends what is waiting, for as long as ctx allows, and says in the log what couldn't be sent. It may be called twice, and
// lines may be written on.
func (s *Shipper) Close(ctx context.Context) {
	started := s.buffer != nil
	s.start.Do(func() { started = false })
	if !started || s.to == nil {
		return
	}
	select {
	case <-s.stop:
	default:
		close(s.stop)
	}
	defer context.AfterFunc(ctx, s.cancel)()
	<-s.ended
}
