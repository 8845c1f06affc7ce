package respond_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/respond"
	"redoubt.example/scripts/internal/sentinel"
	"redoubt.example/services/platform/alert"
	"redoubt.example/threatmodel"
)

// fake is a sentinel that speaks the real protocol on a unix socket.
type fake struct {
	mu       sync.Mutex
	alerts   []alert.Alert
	reports  []alert.Response
	refusing int // so many reports
}

func (s *fake) serve(t *testing.T) (socket string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "admin.sock")
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+alert.Path, func(w http.ResponseWriter, r *http.Request) {
		after, err := strconv.ParseInt("0"+r.URL.Query().Get("after"), 10, 64) // none: from the beginning
		require.NoError(t, err)
		wait, err := time.ParseDuration(r.URL.Query().Get("wait"))
		require.NoError(t, err)
		found := []alert.Alert{}
		for until := time.Now().Add(wait); len(found) == 0 && time.Now().Before(until) && r.Context().Err() == nil; time.Sleep(time.Millisecond) {
			s.mu.Lock()
			if n := len(s.alerts); n > 0 && after > s.alerts[n-1].Seq {
				after = 0
			}
			for _, a := range s.alerts {
				if a.Seq > after {
					found = append(found, a)
				}
			}
			s.mu.Unlock()
		}
		_ = json.NewEncoder(w).Encode(found)
	})
	mux.HandleFunc("POST "+alert.ResponsesPath, func(w http.ResponseWriter, r *http.Request) {
		var got alert.Response
		require.NoError(t, json.NewDecoder(r.Body).Decode(&got))
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.refusing > 0 {
			s.refusing--
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		s.reports = append(s.reports, got)
	})
	l, err := net.Listen("unix", socket)
	require.NoError(t, err)
	server := &http.Server{Handler: mux}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return socket
}

func (s *fake) raise(a alert.Alert) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.alerts = append(s.alerts, a)
}

func (s *fake) told() []alert.Response {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]alert.Response(nil), s.reports...)
}

// TestRun: an alert is answered, reported, and undone, by the protocol; a sentinel whose store is new is heard, too.
func TestRun(t *testing.T) {
	s := &fake{refusing: 2}
	var e *respond.Engine
	w := &locked{world: world{force: map[string]bool{}}}
	e, _ = start(t, threatmodel.Auto, func(c *respond.Config) { c.Actions, c.Now = w, time.Now })
	require.NoError(t, e.SetMode("isolate-service", threatmodel.Auto))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	socket := s.serve(t)
	go func() { ended <- e.Run(ctx, sentinel.NewClient(socket)) }()

	s.raise(alert.Alert{Seq: 4, ID: "a4", Rule: reaches, Count: 1, Time: time.Now(), Subject: notification()})
	require.Eventually(t, func() bool { return w.has("isolate-service notification") }, 2*time.Second, time.Millisecond)
	require.Eventually(t, func() bool { return len(s.told()) == 1 }, 2*time.Second, time.Millisecond, "it is told until it is taken")
	require.Equal(t, "a4", s.told()[0].Alert)
	_, err := e.Undo(ctx, "r1", "ann")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return len(s.told()) == 2 }, 2*time.Second, time.Millisecond)
	require.Equal(t, respond.Undone, s.told()[1].State)

	s.mu.Lock()
	s.alerts = []alert.Alert{{Seq: 1, ID: "a4", Rule: reaches, Count: 1, Time: time.Now(), Subject: notification()},
		{Seq: 2, ID: "b2", Rule: "service_sweep", Count: 3, Time: time.Now(), Subject: alert.Subject{Reporter: "payments", Caller: "inference"}}}
	s.mu.Unlock()
	require.Eventually(t, func() bool { return w.has("isolate-service inference") }, 2*time.Second, time.Millisecond)
	require.False(t, w.has("isolate-service notification"), "the same alert under another number does nothing")
	stop()
	require.NoError(t, <-ended)
}

// locked is a world for several goroutines.
type locked struct {
	mu sync.Mutex
	world
}

func (l *locked) Do(ctx context.Context, a respond.Action) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.world.Do(ctx, a)
}

func (l *locked) Undo(ctx context.Context, a respond.Action) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.world.Undo(ctx, a)
}

func (l *locked) has(what string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.force[what]
}
