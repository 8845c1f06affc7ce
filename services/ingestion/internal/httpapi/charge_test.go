package httpapi_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"redoubt.example/services/ingestion/internal/documents"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/controls/controlstest"
	"redoubt.example/services/platform/fault"
)

// brokenStore loses the database when a document is to be stored.
type brokenStore struct{ documents.Store }

func (brokenStore) Put(context.Context, documents.Document) (documents.Document, error) {
	return documents.Document{}, fault.Wrap(fault.Unavailable, errors.New("connection lost"), "the documents can't be reached")
}

func TestFailureAfterAuthorizeVoids(t *testing.T) {
	t.Run("inference refuses", func(t *testing.T) {
		s := serve(t, 5, nil)
		s.want(400, post("void1", "fail"))
		require.Equal(t, map[string]int{"voided": 1}, s.payments.count())
	})
	t.Run("the store is lost", func(t *testing.T) {
		s := serve(t, 5, func(real documents.Store) documents.Store { return brokenStore{real} })
		s.want(503, post("void2", "Hallo"))
		require.Equal(t, map[string]int{"voided": 1}, s.payments.count())
	})
	t.Run("the client goes away", func(t *testing.T) {
		s := serve(t, 5, nil)
		ctx, leave := context.WithCancel(t.Context())
		go func() {
			<-s.inference.entered
			leave()
		}()
		_, err := s.send(ctx, post("void3", "wait"))
		require.ErrorIs(t, err, context.Canceled)
		require.Eventually(t, func() bool { return s.payments.count()["voided"] == 1 }, 10*time.Second, 5*time.Millisecond)
	})
}

func TestCaptureIsRepeatedUntilItsOutcomeIsKnown(t *testing.T) {
	s := serve(t, 5, nil)
	tries := 0
	s.payments.onCapture(func(string) string {
		tries++
		return map[int]string{1: "restarting", 2: "cut", 3: "restarting", 4: "cut"}[tries]
	})
	s.want(201, post("captured", "Hallo"))
	require.Equal(t, map[string]int{"captured": 1}, s.payments.count())
	require.Equal(t, int64(4), s.payments.balance)
}

func TestWhatARequestLeavesOpenIsSettled(t *testing.T) {
	open := func(t *testing.T, user string) (service, call) {
		s := serve(t, 5, nil)
		s.payments.onCapture(func(string) string { return "unauthenticated" })
		c := post(user, "Hallo")
		c.key = "retried"
		s.want(503, c)
		require.Empty(t, s.want(200, get(user, "/v1/documents"))["documents"], "nobody reads what isn't paid for")
		pending, err := s.store.ByKey(t.Context(), user, c.key)
		require.NoError(t, err)
		s.want(404, get(user, "/v1/documents/"+pending.ID.String()))
		settled, err := s.intake.Reconcile(t.Context())
		require.NoError(t, err)
		require.Zero(t, settled, "the request may still be at work")
		s.ahead.Store(int64(time.Minute))
		return s, c
	}
	t.Run("paid for: it appears", func(t *testing.T) {
		s, c := open(t, "open1")
		requireReconciled(t, s, 1)
		require.Len(t, s.want(200, get("open1", "/v1/documents"))["documents"], 1)
		s.want(201, c)
		require.Equal(t, map[string]int{"captured": 1}, s.payments.count(), "charged once")
	})
	t.Run("cancelled: it is dropped", func(t *testing.T) {
		s, c := open(t, "open2")
		for id := range s.payments.states {
			s.payments.states[id] = "expired"
		}
		requireReconciled(t, s, 1)
		s.payments.onCapture(nil)
		s.want(201, c)
		require.Equal(t, map[string]int{"expired": 1, "captured": 1}, s.payments.count(), "taken in anew")
	})
	t.Run("by the client's own retry", func(t *testing.T) {
		s, c := open(t, "open3")
		s.payments.onCapture(nil)
		s.want(201, c)
		require.Equal(t, map[string]int{"captured": 1}, s.payments.count())
		requireReconciled(t, s, 0)
	})
}

// requireReconciled has two replicas look for work at once.
func requireReconciled(t *testing.T, s service, want int) {
	t.Helper()
	counts := make(chan int, 2)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			n, err := s.intake.Reconcile(context.Background())
			if err != nil {
				n = -100
			}
			counts <- n
		})
	}
	wg.Wait()
	require.Equal(t, want, <-counts+<-counts)
}

func TestIdempotencyKey(t *testing.T) {
	s := serve(t, 100, nil)
	c := post("keyed", "Hallo")
	c.key = "8e03978e-40d5-43dd-bc93-6894a57f9324"
	var mu sync.Mutex
	var wg sync.WaitGroup
	ids := map[any]int{}
	for range 12 {
		wg.Go(func() {
			_, _, answer := s.do(c)
			mu.Lock()
			defer mu.Unlock()
			ids[answer["id"]]++
		})
	}
	wg.Wait()
	require.Len(t, ids, 1, "one document, whoever was first")
	count := s.payments.count()
	require.Equal(t, 1, count["captured"])
	require.Zero(t, count["authorized"], "the others gave back what they had set aside")
	require.Equal(t, int64(99), s.payments.balance)

	c.body = post("keyed", "Anders").body
	s.want(422, c)
	require.Len(t, s.Logged(`"app.idempotency"`, `"deny"`), 1)
	other := post("another", "Anders")
	other.key = c.key
	s.want(201, other)
}

// TestIdempotencyKeyOff is what the key stops: a request sent again takes effect again.
func TestIdempotencyKeyOff(t *testing.T) {
	controlstest.Off(t, func() {
		s := serve(t, 100, nil)
		c := post("keyed", "Hallo")
		c.key = "8e03978e-40d5-43dd-bc93-6894a57f9324"
		s.want(201, c)
		s.want(201, c)
		require.Equal(t, 2, s.payments.count()["captured"])
	}, controls.AppIdempotency)
}

func TestNotificationNeverFailsADocument(t *testing.T) {
	s := serve(t, 5, nil)
	s.notification.refuse = true
	s.want(201, post("unnotified", "Hallo"))
	s.intake.Close()
	_, failed := s.outcomes.Load("failed")
	require.True(t, failed)
	require.NotEmpty(t, s.Logged("notification failed", "request_id"))
}
