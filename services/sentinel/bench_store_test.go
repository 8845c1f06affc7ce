package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/databasetest"
	"redoubt.example/services/sentinel/internal/alerts"
	"redoubt.example/services/sentinel/internal/archive"
	"redoubt.example/services/sentinel/internal/postgres"
)

func TestMain(m *testing.M) { os.Exit(databasetest.Main(m)) }

// BenchmarkTake is by the clock what BenchmarkReceive is by the processor, the store included: how many events a second are unpacked, looked
// at by everybody, and in PostgreSQL, when each request comes as soon as the one before is answered.
// PostgreSQL is a process of its own: with GOMAXPROCS=1 it has the other processors.
func BenchmarkTake(b *testing.B) {
	const requests = 250 // 50,000 events: seconds, in which the last batch's wait counts for little
	app, owner := databasetest.Open(b, "sentinel", postgres.Migrations)
	_, err := owner.Exec(b.Context(), "SET ROLE sentinel_owner; TRUNCATE events, alerts, responses; RESET ROLE")
	require.NoError(b, err)
	store := postgres.New(app)
	book, err := alerts.Open(b.Context(), store, time.Now)
	require.NoError(b, err)
	kept := archive.New(store, maxUnkept)
	r := newRig(b, book.Raise, kept.Keep)
	go func() { _ = kept.Run(b.Context()) }()
	go func() { _ = book.Run(b.Context()) }()

	number, spent, cpu := 0, time.Duration(0), time.Duration(0)
	for b.Loop() {
		b.StopTimer() // the clients' work
		all := make([]*http.Request, requests)
		for i := range all {
			all[i] = r.request(b, number+i*perBatch)
		}
		before, began := used(b), time.Now()
		b.StartTimer()
		for _, req := range all {
			w := httptest.NewRecorder()
			r.take(w, req)
			require.Equal(b, http.StatusOK, w.Code, w.Body)
		}
		number += requests * perBatch
		for stored, lost := kept.Counts(); stored < uint64(number); stored, lost = kept.Counts() { //nolint:gosec // a count
			require.Zero(b, lost)
			time.Sleep(time.Millisecond)
		}
		cpu, spent = cpu+used(b)-before, spent+time.Since(began)
	}
	var rows int
	require.NoError(b, app.QueryRow(b.Context(), "SELECT count(*) FROM events").Scan(&rows))
	require.Equal(b, number, rows)
	require.Positive(b, raised(book))
	b.ReportMetric(float64(number)/spent.Seconds(), "events/s")
	b.ReportMetric(float64(number)/cpu.Seconds(), "events/cpu-s")
}

func raised(book *alerts.Book) int64 {
	n, _ := book.Counts()
	return n
}
