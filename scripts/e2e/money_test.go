package e2e_test

import (
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type account struct {
	Balance int64 `json:"balance"`
	Held    int64 `json:"held"`
}

// settled waits until no authorization is open, and returns what the user owns.
func (l *lab) settled(t testing.TB, token string) int64 {
	t.Helper()
	var a account
	require.Eventually(t, func() bool {
		got, err := l.call(t, http.MethodGet, "/v1/account", token, nil)
		if err != nil || got.status != http.StatusOK {
			return false
		}
		got.into(t, &a)
		return a.Held == 0
	}, 60*time.Second, 200*time.Millisecond)
	return a.Balance
}

// pages reads a list to its end and calls each with every item.
func pages[T any](t testing.TB, l *lab, path, token string, each func(T)) {
	t.Helper()
	for cursor := ""; ; {
		got := l.must(t, http.MethodGet, path+"?limit=100&cursor="+url.QueryEscape(cursor), token, nil)
		require.Equal(t, http.StatusOK, got.status, string(got.body))
		var items struct {
			Transfers, Documents []T
			Next                 string
		}
		got.into(t, &items)
		for _, item := range append(items.Transfers, items.Documents...) {
			each(item)
		}
		if cursor = items.Next; cursor == "" {
			return
		}
	}
}

// testMoneyOverRestart: PostgreSQL goes away, and comes back, under load. Whatever became of each request, every
// document is paid for once, and nothing else is.
func testMoneyOverRestart(t *testing.T, l *lab) {
	token := l.token(t, "bob")
	before, paid := l.settled(t, token), charges(t, l, token)
	var answered, created atomic.Int64
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
			got, err := l.call(t, http.MethodPost, "/v1/documents", token, sample)
			answered.Add(1)
			if err == nil && got.status == http.StatusCreated {
				created.Add(1)
			}
		}
	}()
	for range 2 {
		time.Sleep(time.Second) // of load
		require.Zero(t, l.run(t, "stop", "postgres").code)
		time.Sleep(time.Second) // of outage
		require.Zero(t, l.run(t, "start", "postgres").code)
		l.served(t)
	}
	close(stop)
	<-ended
	require.Positive(t, created.Load())
	require.Greater(t, answered.Load(), created.Load(), "the outage was felt")

	var after int64
	var documents int64
	require.Eventually(t, func() bool { // what a crash left open is settled in the background
		after, documents = l.settled(t, token), charges(t, l, token)-paid
		return before-after == documents
	}, 60*time.Second, time.Second, "paid for what is stored, once each")
	var sum int64
	pages(t, l, "/v1/account/transfers", token, func(transfer struct{ Amount int64 }) { sum += transfer.Amount })
	require.Equal(t, after, sum, "the balance is the sum of the ledger")
	t.Logf("%d requests, %d answered 201, %d documents paid", answered.Load(), created.Load(), documents)
}

// charges is what the user's documents cost together.
func charges(t testing.TB, l *lab, token string) (sum int64) {
	t.Helper()
	pages(t, l, "/v1/documents", token, func(d struct{ Charge int64 }) { sum += d.Charge })
	return sum
}
