package ship_test

import (
	"io"
	"log/slog"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"redoubt.example/services/platform/event/ship"
	"redoubt.example/services/platform/telemetry"
)

// BenchmarkEmit is what shipping adds to the writing of a line, as a median of paired differences: blocks of lines alternate between
// a logger with it and one without, up to 20,000 lines a second. The log itself goes nowhere.
func BenchmarkEmit(b *testing.B) {
	access := func(log *slog.Logger) {
		log.Info("request", "request_id", "01a222b2-7a12-7ee5-923c-88fefab4d738", "caller", "gateway", "route", "GET /v1/account", "status", http.StatusOK, "duration_us", 635)
	}
	other := func(log *slog.Logger) {
		log.Info("account opened", "request_id", "01a222b2-7a12-7ee5-923c-88fefab4d738", "caller", "gateway", "route", "GET /v1/account", "count", 1, "duration_us", 635)
	}
	for _, c := range []struct {
		name  string
		write func(*slog.Logger)
		lines int // of a block
		pause time.Duration
		away  bool // sentinel, and the buffer is full
	}{
		{"event", access, 100, 5 * time.Millisecond, false},
		{"event after a pause", access, 1, 150 * time.Millisecond, false}, // with caches that have forgotten all about it
		{"event, sentinel away", access, 100, 5 * time.Millisecond, true},
		{"no event", other, 100, 5 * time.Millisecond, false},
	} {
		b.Run(c.name, func(b *testing.B) {
			r := newRig(b, "payments")
			r.Shipper = ship.New(ship.Config{Workload: "payments", Node: "payments", Upstreams: []string{"sentinel"}, Log: io.Discard, Metrics: prometheus.NewRegistry()})
			r.hole.Store(c.away)
			r.started()
			alone, shipped := telemetry.NewLogger(io.Discard, "payments", "info"), telemetry.NewLogger(r.Shipper, "payments", "info")
			if c.away {
				block(shipped, c.write, 20_000)
			}
			b.ReportAllocs()
			var base, more []time.Duration
			for b.Loop() {
				pair := [2]time.Duration{}
				for i := range pair {
					time.Sleep(c.pause)
					which := (i + len(more)) % 2 // neither is always the first
					pair[which] = block([]*slog.Logger{alone, shipped}[which], c.write, c.lines)
				}
				base, more = append(base, pair[0]), append(more, pair[1]-pair[0])
			}
			slices.Sort(base)
			slices.Sort(more)
			b.ReportMetric(float64(base[len(base)/2].Nanoseconds())/float64(c.lines), "ns-alone/line")
			b.ReportMetric(float64(more[len(more)/2].Nanoseconds())/float64(c.lines), "ns-more/line")
		})
	}
}

func block(log *slog.Logger, write func(*slog.Logger), n int) time.Duration {
	began := time.Now()
	for range n {
		write(log)
	}
	return time.Since(began)
}
