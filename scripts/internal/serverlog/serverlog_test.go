package serverlog_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/sentinel"
	"redoubt.example/scripts/internal/serverlog"
	"redoubt.example/services/platform/event"
)

// receiver keeps what it is told, as sentinel does: an event once, however often it comes.
type receiver struct {
	mu    sync.Mutex
	err   error
	told  int
	known map[string]*event.Event
}

func (r *receiver) Report(_ context.Context, reporter string, events []*event.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return r.err
	}
	for _, e := range events {
		if e.Reporter() != reporter {
			return &sentinel.Refused{Status: http.StatusForbidden}
		}
		r.told++
		r.known[e.ID] = e
	}
	return nil
}

func (r *receiver) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
}

func (r *receiver) count() (known, told int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.known), r.told
}

// rig follows PostgreSQL's log.
type rig struct {
	*receiver
	t    *testing.T
	path string
	n    int
}

func newRig(t *testing.T) *rig {
	return &rig{receiver: &receiver{known: map[string]*event.Event{}}, t: t, path: filepath.Join(t.TempDir(), "postgres.log")}
}

// follow begins to read, from the beginning, until stop.
func (r *rig) follow() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		serverlog.Ship(ctx, r, slog.New(slog.DiscardHandler), serverlog.Source{Reporter: "postgres", Path: r.path, Event: event.FromPostgres})
	}()
	stop = sync.OnceFunc(func() { cancel(); <-ended })
	r.t.Cleanup(stop)
	return stop
}

// write adds refusals to the log.
func (r *rig) write(count int) {
	r.t.Helper()
	for range count {
		r.n++
		r.add(fmt.Sprintf("2026-11-28 15:00:00.000 UTC [%d] payments-1-x@payments 127.0.0.1(5432) ERROR:  permission denied for table t%d\n", r.n, r.n))
	}
}

func (r *rig) add(text string) {
	r.t.Helper()
	f, err := os.OpenFile(r.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(r.t, err)
	_, err = f.WriteString(text)
	require.NoError(r.t, err)
	require.NoError(r.t, f.Close())
}

// all waits until sentinel knows every refusal.
func (r *rig) all() {
	r.t.Helper()
	require.Eventually(r.t, func() bool { known, _ := r.count(); return known == r.n }, 10*time.Second, 5*time.Millisecond)
}

func TestEveryLineOnce(t *testing.T) {
	r := newRig(t)
	r.follow() // before there is a file
	r.write(1200)
	r.add("2026-11-28 15:00:00.000 UTC [1] LOG:  nothing to tell\n")
	r.all()
	r.add("2026-11-28 15:00:01.000 UTC [7] payments-1-x@payments 127.0.0.1(5432) ERR")
	time.Sleep(300 * time.Millisecond)
	r.add("OR:  in two pieces\n")
	r.n++
	r.all()
	r.add(strings.Repeat("x", 600<<10) + "\n") // longer than a line may be
	r.write(1)
	r.all()
	known, told := r.count()
	require.Equal(t, known, told)
}

func TestNothingIsLost(t *testing.T) {
	for name, happens := range map[string]func(r *rig, again func()){
		"sentinel away": func(r *rig, _ func()) {
			r.fail(sentinel.ErrAway)
			r.write(10)
			time.Sleep(300 * time.Millisecond)
			r.fail(nil)
		},
		"sentinel has no room": func(r *rig, _ func()) {
			r.fail(&sentinel.Refused{Status: http.StatusServiceUnavailable})
			r.write(10)
			time.Sleep(300 * time.Millisecond)
			r.fail(nil)
		},
		"the file is exchanged": func(r *rig, _ func()) {
			r.fail(sentinel.ErrAway) // so that it happens between two looks
			r.write(10)
			require.NoError(r.t, os.Rename(r.path, r.path+".1"))
			r.write(10)
			r.fail(nil)
		},
		"the file is emptied": func(r *rig, _ func()) {
			require.NoError(r.t, os.Truncate(r.path, 0))
			time.Sleep(300 * time.Millisecond)
			r.write(10)
		},
		"we are started again": func(r *rig, again func()) {
			again()
			r.write(10)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			stop := r.follow()
			r.write(20)
			r.all()
			happens(r, func() { stop(); r.follow() })
			r.all()
		})
	}
}

// TestRefusedIsPassedOver: what sentinel refuses for what it is doesn't hold up the rest.
func TestRefusedIsPassedOver(t *testing.T) {
	r := newRig(t)
	r.fail(&sentinel.Refused{Status: http.StatusBadRequest})
	r.write(1)
	r.follow()
	time.Sleep(300 * time.Millisecond)
	r.fail(nil)
	r.n = 1 // that one is gone
	r.write(1)
	require.Eventually(t, func() bool { known, _ := r.count(); return known == 1 }, 5*time.Second, 5*time.Millisecond)
}
