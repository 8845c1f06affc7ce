package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"redoubt.example/services/sentinel/internal/alerts"
	"redoubt.example/services/sentinel/internal/archive"
	"redoubt.example/services/sentinel/internal/presence"
	"redoubt.example/services/sentinel/internal/stream"
)

// metrics are what somebody who watches the watcher looks at.
func metrics(events *stream.Stream, kept *archive.Archive, book *alerts.Book, present *presence.Watch) (all []prometheus.Collector) {
	counter := func(name, help string, value func() float64) {
		all = append(all, prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, value))
	}
	gauge := func(name, help string, value func() float64) {
		all = append(all, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	counter("redoubt_sentinel_events_total", "Events that were taken.", func() float64 { n, _, _ := events.Counts(); return float64(n) })
	counter("redoubt_sentinel_events_refused_total", "Events for which there was no room: their senders keep them.", func() float64 { _, n, _ := events.Counts(); return float64(n) })
	gauge("redoubt_sentinel_events_waiting", "Events that wait to be looked at.", func() float64 { _, _, n := events.Counts(); return float64(n) })
	counter("redoubt_sentinel_events_stored_total", "Events that were stored.", func() float64 { n, _ := kept.Counts(); return float64(n) })
	counter("redoubt_sentinel_lost_total", "Events and alerts that could not be stored for so long that they had to go.", func() float64 {
		_, dropped := kept.Counts()
		_, unkept := book.Counts()
		return float64(dropped + unkept)
	})
	gauge("redoubt_sentinel_store_lag_seconds", "For how long the first event that isn't stored has waited.", func() float64 { return kept.Lag(time.Now()).Seconds() })
	gauge("redoubt_sentinel_alerts", "The number of the last alert.", func() float64 { n, _ := book.Counts(); return float64(n) })
	gauge("redoubt_sentinel_silent", "Workloads that ought to report, and don't.", func() float64 { return float64(len(present.Silent(time.Now()))) })
	return all
}
