package alerts_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/alert"
	"redoubt.example/services/sentinel/internal/alerts"
)

// store is in memory; it fails as long as it is away.
type store struct {
	mu   sync.Mutex
	away bool
	all  []alert.Alert
	done []alert.Response
}

func (s *store) AddResponse(_ context.Context, r alert.Response) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = append(s.done, r)
	return nil
}

func (s *store) LatestResponses(context.Context, int) ([]alert.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]alert.Response(nil), s.done...), nil
}

func (s *store) AddAlerts(_ context.Context, all []alert.Alert) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away {
		return errors.New("away")
	}
	for _, a := range all {
		if len(s.all) == 0 || s.all[len(s.all)-1].Seq < a.Seq {
			s.all = append(s.all, a)
		}
	}
	return nil
}

func (s *store) LatestAlerts(context.Context, int) ([]alert.Alert, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]alert.Alert(nil), s.all...), nil
}

func (s *store) set(away bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = away
}

// run opens and runs a book; end ends it.
func run(t *testing.T, s *store) (b *alerts.Book, end func()) {
	t.Helper()
	b, err := alerts.Open(t.Context(), s, time.Now)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	end = sync.OnceFunc(func() { stop(); require.NoError(t, <-ended) })
	t.Cleanup(end)
	return b, end
}

func numbers(all []alert.Alert) (seqs []int64) {
	for _, a := range all {
		seqs = append(seqs, a.Seq)
	}
	return seqs
}

// TestNumbersHaveNoGaps: not by many at once, not by a restart, not by a store that is away for a while.
func TestNumbersHaveNoGaps(t *testing.T) {
	s := &store{}
	b, end := run(t, s)
	for range 3 {
		b.Raise(alert.Alert{Rule: "flood"})
	}
	require.Eventually(t, func() bool { return len(b.Select(t.Context(), alert.Query{})) == 3 }, time.Second, time.Millisecond)
	s.set(true)
	b.Raise(alert.Alert{Rule: "flood"})
	got := b.Select(t.Context(), alert.Query{After: 3, Wait: 5 * time.Second})
	require.Equal(t, []int64{4}, numbers(got), "told although it can't be stored")
	s.set(false)
	end()
	require.Equal(t, []int64{1, 2, 3, 4}, numbers(s.all))

	b, _ = run(t, s)
	require.Equal(t, []int64{1, 2, 3, 4}, numbers(b.Select(t.Context(), alert.Query{})))
	b.Raise(alert.Alert{Rule: "sweep"})
	require.Equal(t, []int64{5}, numbers(b.Select(t.Context(), alert.Query{After: 4, Wait: 5 * time.Second})))
	raised, lost := b.Counts()
	require.Equal(t, int64(5), raised)
	require.Zero(t, lost)
}

func TestSelect(t *testing.T) {
	s := &store{}
	b, end := run(t, s)
	at := time.Now().UTC()
	for i, rule := range []string{"flood", "sweep", "flood"} {
		b.Raise(alert.Alert{Rule: rule, Time: at.Add(time.Duration(i) * time.Minute)})
	}
	require.Eventually(t, func() bool { return len(b.Select(t.Context(), alert.Query{})) == 3 }, time.Second, time.Millisecond)
	for name, c := range map[string]struct {
		query alert.Query
		want  []int64
	}{
		"all":                        {alert.Query{}, []int64{1, 2, 3}},
		"after":                      {alert.Query{After: 2}, []int64{3}},
		"none":                       {alert.Query{After: 3}, nil},
		"rule":                       {alert.Query{Rule: "flood"}, []int64{1, 3}},
		"since":                      {alert.Query{Since: at.Add(time.Minute)}, []int64{2, 3}},
		"after what wasn't told yet": {alert.Query{After: 99}, []int64{1, 2, 3}},
	} {
		require.Equal(t, c.want, numbers(b.Select(t.Context(), c.query)), name)
	}
	began := time.Now()
	require.Empty(t, b.Select(t.Context(), alert.Query{After: 3, Wait: 50 * time.Millisecond}))
	require.GreaterOrEqual(t, time.Since(began), 50*time.Millisecond)

	waiting := make(chan int)
	go func() { waiting <- len(b.Select(context.Background(), alert.Query{After: 3, Wait: time.Minute})) }()
	end()
	require.Zero(t, <-waiting, "who waits is let go when the process ends")
}

// TestIncidentsSurviveARestart: with what was done about them.
func TestIncidentsSurviveARestart(t *testing.T) {
	s := &store{}
	b, end := run(t, s)
	b.Raise(alert.Alert{Rule: "sweep", Subject: alert.Subject{Caller: "notification"}})
	b.Raise(alert.Alert{Rule: "reach", Subject: alert.Subject{Caller: "notification"}})
	b.Raise(alert.Alert{Rule: "flood", Subject: alert.Subject{Address: "192.0.2.1"}})
	var all []alert.Alert
	require.Eventually(t, func() bool { all = b.Select(t.Context(), alert.Query{}); return len(all) == 3 }, time.Second, time.Millisecond)
	require.Equal(t, []string{"INC-1", "INC-1", "INC-3"}, []string{all[0].Incident, all[1].Incident, all[2].Incident})
	r := alert.Response{ID: "r1", Alert: all[1].ID, Action: "isolate-service", Target: "notification", State: "done", Time: time.Now()}
	require.NoError(t, b.Respond(t.Context(), r))
	require.ErrorContains(t, b.Respond(t.Context(), alert.Response{ID: "r2", Alert: "nobody's"}), "no alert")
	before := b.Incidents()
	require.Len(t, before, 2)
	require.Equal(t, "contained", before[0].State)
	end()
	b, _ = run(t, s)
	require.Equal(t, before, b.Incidents())
}
