package detection_test

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/event"
	"redoubt.example/services/sentinel/internal/detection"
)

// BenchmarkEngine is what one event costs with all rules, on one processor: every sample there is, hostile ones and their near
// misses, again and again, at 20,000 a second by their own time. "requests" is what honest traffic mostly is.
func BenchmarkEngine(b *testing.B) {
	files, err := filepath.Glob(filepath.Join(repository, "threatmodel/detections/*/*.ndjson"))
	require.NoError(b, err)
	var all, requests []*event.Event
	for _, file := range files {
		path, err := filepath.Rel(repository, file)
		require.NoError(b, err)
		all = append(all, sample(b, path)...)
	}
	for _, e := range all {
		if e.Text(event.Dataset) == event.Access {
			requests = append(requests, e)
		}
	}
	rules := allRules(b)
	for name, events := range map[string][]*event.Event{"attacks": all, "requests": requests} {
		b.Run(name, func(b *testing.B) {
			engine := detection.New(rules, detection.Defaults())
			b.ReportAllocs()
			n, before := 0, used(b)
			for b.Loop() {
				e := *events[n%len(events)]
				e.ID = fmt.Sprintf("%032x", n)
				e.Time = noon.Add(time.Duration(n) * 50 * time.Microsecond)
				e.Observed = e.Time
				engine.Observe(context.Background(), &e)
				n++
			}
			b.ReportMetric(float64(n)/(used(b)-before).Seconds(), "events/cpu-s")
			s := engine.Stats()
			b.ReportMetric(float64(s.Late+s.Ahead+s.Forced+s.Failed), "lost")
		})
	}
}

// used is the processor time that this process has had.
func used(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestLoadOfAllRules: twenty thousand events a second find room: nothing is lost, and what is held is bounded.
func TestLoadOfAllRules(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(repository, "threatmodel/detections/*/*.ndjson"))
	require.NoError(t, err)
	var all []*event.Event
	for _, file := range files {
		path, err := filepath.Rel(repository, file)
		require.NoError(t, err)
		all = append(all, sample(t, path)...)
	}
	cfg := detection.Defaults()
	engine := detection.New(allRules(t), cfg)
	most := 0
	for n := range 20_000 {
		e := *all[n%len(all)]
		e.ID = fmt.Sprint(n)
		e.Time = noon.Add(time.Duration(n) * 50 * time.Microsecond)
		e.Observed = e.Time
		observe(engine, &e)
		_, pending, ids := engine.Holds()
		most = max(most, pending)
		require.LessOrEqual(t, ids, cfg.MaxIDs)
	}
	s := engine.Stats()
	require.Zero(t, s.Late+s.Ahead+s.Forced+s.Failed+s.Forgotten)
	require.Empty(t, s.Evicted)
	require.LessOrEqual(t, most, int(math.Ceil(cfg.Lateness.Seconds()*20_000)))
	require.Positive(t, most)
}
