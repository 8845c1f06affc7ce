package e2e_test

import (
	"net/http"
	"net/url"
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
	query := url.Values{"limit": {"100"}}
	for {
		got := l.must(t, http.MethodGet, path+"?"+query.Encode(), token, nil)
		require.Equal(t, http.StatusOK, got.status, string(got.body))
		var items struct {
			Transfers, Documents []T
			Next                 string
		}
		got.into(t, &items)
		for _, item := range append(items.Transfers, items.Documents...) {
			each(item)
		}
		if items.Next == "" {
			return
		}
		query.Set("cursor", items.Next)
	}
}

// charges is what the user's documents cost together.
func charges(t testing.TB, l *lab, token string) (sum int64) {
	t.Helper()
	pages(t, l, "/v1/documents", token, func(d struct{ Charge int64 }) { sum += d.Charge })
	return sum
}
