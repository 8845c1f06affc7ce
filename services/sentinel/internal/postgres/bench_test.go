package postgres_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/event"
)

// BenchmarkAddEvents stores batches as large as the archive's: how many events a second of ours, and how many of the clock's, PostgreSQL
// beside us on the same processors.
func BenchmarkAddEvents(b *testing.B) {
	s, _, _ := open(b)
	const perBatch = 4096
	number := 0
	var spent time.Duration
	began := time.Now()
	for b.Loop() {
		events := make([]*event.Event, perBatch)
		for i := range events {
			events[i] = denied(fmt.Sprintf("%032x", number), "payments", now)
			number++
		}
		before := used(b)
		require.NoError(b, s.AddEvents(b.Context(), events))
		spent += used(b) - before
	}
	b.ReportMetric(float64(number)/spent.Seconds(), "events/cpu-s")
	b.ReportMetric(float64(number)/time.Since(began).Seconds(), "events/s")
}

// used is the processor time that this process has had.
func used(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
