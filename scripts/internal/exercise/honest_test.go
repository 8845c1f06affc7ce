package exercise_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/exercise"
)

type answers func(r *http.Request) (status int, body string)

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	status, body := a(r)
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// TestHonestGivesUp: a refusal that lasts is meant and is told soon; what is just being started may take its time.
func TestHonestGivesUp(t *testing.T) {
	for name, c := range map[string]struct {
		status   func(since time.Duration) int
		atLeast  time.Duration
		atMost   time.Duration
		complain string
	}{
		"refused":          {func(time.Duration) int { return http.StatusForbidden }, 5 * time.Second, 6 * time.Second, "Forbidden"},
		"unavailable":      {func(time.Duration) int { return http.StatusServiceUnavailable }, 19 * time.Second, 21 * time.Second, "Service Unavailable"},
		"refused at first": {until(4*time.Second, http.StatusForbidden), 4 * time.Second, 5 * time.Second, "hasn't what it should"},
		"starting at first, then refused": {until(9*time.Second, http.StatusBadGateway, http.StatusForbidden), 13 * time.Second, 16 * time.Second,
			"Forbidden"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				served := time.Duration(0)
				client := &http.Client{Transport: answers(func(r *http.Request) (int, string) {
					status := c.status(time.Since(began))
					if status == http.StatusOK && served == 0 {
						served = time.Since(began)
					}
					return status, `{"balance": 1}`
				})}
				err := exercise.Honest{Gateway: "https://gateway", Client: client}.Use(t.Context())
				require.ErrorContains(t, err, c.complain)
				took := time.Since(began)
				if served > 0 { // the account was shown then; what followed isn't this test's
					took = served
				}
				require.GreaterOrEqual(t, took, c.atLeast)
				require.LessOrEqual(t, took, c.atMost)
			})
		})
	}
}

// until answers with the first status for a while, and with the second from then on: 200 where there is none.
func until(when time.Duration, first int, second ...int) func(time.Duration) int {
	return func(since time.Duration) int {
		switch {
		case since < when:
			return first
		case len(second) > 0:
			return second[0]
		}
		return http.StatusOK
	}
}
