package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// steady is a load that goes on beside a test: so many requests a second, begun on time whether or not those before
// have ended, of which every one has to succeed at the first try. Those that change something have an Idempotency-Key,
// with which the platform itself may repeat them.
type steady struct {
	lab    *lab
	token  string
	client *http.Client
	kinds  []kind
	stop   context.CancelFunc
	ended  chan struct{}

	mu       sync.Mutex
	sent     int
	shed     int // answers that asked to come back: the edge sheds load on a machine that has other things to do, too
	failures []string
	slowest  time.Duration
}

// patience is a little more than the gateway's own for a request.
const patience = 16 * time.Second

// kind is one kind of request.
type kind struct {
	method, path string
	want         int
	body         any
}

var (
	create = kind{http.MethodPost, "/v1/documents", http.StatusCreated, sample}
	infer  = kind{http.MethodPost, "/v1/inferences", http.StatusOK, map[string]string{"model": "langid", "input": "Guten Morgen, wie geht es Ihnen?"}}
	read   = kind{http.MethodGet, "/v1/account", http.StatusOK, nil}

	everything = []kind{create, create, infer, read}
	// repeatable leaves out what the platform can't repeat, because nobody could tell whether it was done: a process
	// that is killed takes it along.
	repeatable = []kind{create, create, read}
)

func (l *lab) load(t testing.TB, perSecond int, kinds ...kind) *steady {
	t.Helper()
	if len(kinds) == 0 {
		kinds = everything
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &steady{lab: l, token: l.token(t, "alice"), kinds: kinds, stop: stop, ended: make(chan struct{}),
		client: &http.Client{Transport: l.client.Transport, Timeout: patience}}
	go func() {
		defer close(s.ended)
		var sending sync.WaitGroup
		defer sending.Wait()
		tick := time.NewTicker(time.Second / time.Duration(perSecond))
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				sending.Go(func() { s.send(n) })
			}
		}
	}()
	t.Cleanup(func() { stop(); <-s.ended })
	return s
}

func (s *steady) send(n int) {
	k := s.kinds[n%len(s.kinds)]
	began := time.Now()
	key := fmt.Sprintf("steady-%d-%d", began.UnixNano(), n)
	err := s.try(k, key)
	for err != nil && strings.Contains(err.Error(), "too many requests are in work") && time.Since(began) < patience {
		s.mu.Lock()
		s.shed++
		s.mu.Unlock()
		time.Sleep(time.Second) // as it is asked to
		err = s.try(k, key)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent++
	s.slowest = max(s.slowest, time.Since(began))
	if err != nil {
		s.failures = append(s.failures, fmt.Sprintf("%s %s at %s after %s: %v", k.method, k.path, began.Format("15:04:05.000"), time.Since(began), err))
	}
}

func (s *steady) try(k kind, key string) error {
	var body io.Reader
	if k.body != nil {
		raw, err := json.Marshal(k.body)
		if err != nil {
			return err
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequest(k.method, s.lab.status.GatewayURL+k.path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	req.Header.Set("Content-Type", "application/json")
	if k.method != http.MethodGet {
		req.Header.Set("Idempotency-Key", key)
	}
	res, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != k.want {
		err = fmt.Errorf("status %d: %s", res.StatusCode, answer)
	}
	return err
}

// finish ends the load and fails the test if a request failed.
func (s *steady) finish(t testing.TB) {
	t.Helper()
	s.stop()
	<-s.ended
	t.Logf("%d requests, %d failed, %d told to come back, slowest %s", s.sent, len(s.failures), s.shed, s.slowest.Round(time.Millisecond))
	require.Positive(t, s.sent)
	require.Empty(t, s.failures)
}

// soFar is how many requests have ended.
func (s *steady) soFar() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent
}

// more waits until so many more requests have ended.
func (s *steady) more(t testing.TB, n int) {
	t.Helper()
	until := s.soFar() + n
	require.Eventually(t, func() bool { return s.soFar() >= until }, time.Minute, 20*time.Millisecond)
}
