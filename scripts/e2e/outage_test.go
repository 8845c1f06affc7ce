package e2e_test

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// awayFor is how long what the platform runs on is away: short, or what REDOUBT_TEST_OUTAGE says.
func awayFor(t testing.TB) time.Duration {
	if os.Getenv("REDOUBT_TEST_OUTAGE") == "" {
		return 8 * time.Second
	}
	return outage(t)
}

// TestVaultOutages: Vault is sealed, stopped or slow under load. Logins are leased for three times as long, so that most
// outages are in the way of a replacement, and what is left at half of a lease outlasts each. No request fails.
func TestVaultOutages(t *testing.T) {
	away := awayFor(t)
	l := up(t, "--lease-ttl", (3 * away).String())
	reopen := func(t *testing.T) {
		require.Zero(t, l.run(t, "stop", "vault").code)
		require.Zero(t, l.run(t, "start", "vault").code)
	}
	t.Run("sealed", func(t *testing.T) {
		testVaultOutage(t, l, away, func(t *testing.T) { require.Zero(t, l.run(t, "secrets", "seal").code) }, reopen)
	})
	t.Run("stopped", func(t *testing.T) {
		testVaultOutage(t, l, away, func(t *testing.T) { require.Zero(t, l.run(t, "stop", "vault").code) },
			func(t *testing.T) { require.Zero(t, l.run(t, "start", "vault").code) })
	})
	t.Run("slow", func(t *testing.T) {
		var again func()
		testVaultOutage(t, l, away, func(t *testing.T) {
			l.refresh(t)
			again = slow(l.component(t, "vault").PID, 5*time.Second)
			t.Cleanup(again)
		}, func(*testing.T) { again() })
	})
}

// slow has a process stand still nearly all of the time: whoever asks it waits for up to the time given.
func slow(pid int, late time.Duration) (again func()) {
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			_ = syscall.Kill(pid, syscall.SIGSTOP)
			select {
			case <-stop:
				_ = syscall.Kill(pid, syscall.SIGCONT)
				return
			case <-time.After(late):
			}
			_ = syscall.Kill(pid, syscall.SIGCONT)
			time.Sleep(late / 20) // in which it answers
		}
	}()
	return sync.OnceFunc(func() { close(stop); <-ended })
}

var leasedUntil = regexp.MustCompile(`Vault is away: what is leased lasts until (\S+Z)`)

func testVaultOutage(t *testing.T, l *lab, away time.Duration, begin, end func(*testing.T)) {
	token := l.token(t, "alice")
	load := l.load(t, 20, repeatable...)
	load.more(t, 20)
	begin(t)
	over := time.After(away)
	var first time.Time // of what is leased, to end
	require.Eventually(t, func() bool {
		for _, said := range leasedUntil.FindAllStringSubmatch(l.run(t, "status", "--json").stdout, -1) {
			until, err := time.Parse(time.RFC3339, said[1])
			require.NoError(t, err)
			if first.IsZero() || until.Before(first) {
				first = until
			}
		}
		// Of services without a database a session alone is listed, which lasts longer.
		return !first.IsZero() && first.Before(time.Now().Add(3*away)) && strings.HasPrefix(l.run(t, "status").stdout, "degraded (")
	}, max(away, 15*time.Second), 100*time.Millisecond, "it is said, and until when")
	require.True(t, first.After(time.Now()), "%s", first)
	<-over
	end(t)
	load.more(t, 40)
	load.finish(t)
	l.requireDegradedEnds(t)
	l.requireNoMoneyLost(t, token)
}

// requireNoMoneyLost: what was ever captured of the user's for documents is what those that are there cost, each once, and the
// balance is the sum of the ledger. Of the whole ledger, not of what a test added: a document that an earlier test left
// paid for and not yet readable becomes readable in this one.
func (l *lab) requireNoMoneyLost(t testing.TB, token string) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) { // what a crash left open is settled in the background
		balance := l.settled(t, token)
		var sum, captured int64
		pages(t, l, "/v1/account/transfers", token, func(transfer struct {
			Kind, Memo string
			Amount     int64
		}) {
			sum += transfer.Amount
			if transfer.Kind == "capture" && strings.HasPrefix(transfer.Memo, "document ") { // or for an inference
				captured -= transfer.Amount
			}
		})
		assert.Equal(c, charges(t, l, token), captured, "paid for what is stored, once each")
		assert.Equal(c, sum, balance, "the balance is the sum of the ledger")
	}, 90*time.Second, time.Second)
}

// testPastTheLease: Vault is away for longer than what is leased lasts. Then every request is refused with a problem
// document, until Vault is back.
func testPastTheLease(t *testing.T, l *lab) {
	token := l.token(t, "alice")
	load := l.load(t, 20, repeatable...)
	load.more(t, 20)
	require.Zero(t, l.run(t, "stop", "vault").code)
	over := time.After(awayFor(t))
	got := l.must(t, http.MethodPost, "/v1/documents", token, sample)
	require.Equal(t, http.StatusCreated, got.status, "by what is leased: %s", got.body)
	require.Eventually(t, func() bool {
		return leasedUntil.MatchString(l.run(t, "status", "--json").stdout)
	}, 10*time.Second, 100*time.Millisecond)
	require.Eventually(t, func() bool {
		got, err := l.call(t, http.MethodGet, "/v1/account", token, nil)
		return err == nil && got.status == http.StatusServiceUnavailable && strings.HasPrefix(got.header.Get("Content-Type"), "application/problem+json")
	}, 25*time.Second, 100*time.Millisecond, "past the lease: closed, with a problem document")
	<-over
	require.Zero(t, l.run(t, "start", "vault").code)
	l.served(t)
	l.requireDegradedEnds(t)
	require.Positive(t, load.requireOnlyUnavailable(t), "the outage was felt")
	l.requireNoMoneyLost(t, token)
}

// testPostgresAway: PostgreSQL goes away, and comes back, under load. Whatever became of each request, every document is
// paid for once, and nothing else is.
func testPostgresAway(t *testing.T, l *lab) {
	token := l.token(t, "alice")
	load := l.load(t, 20, repeatable...)
	for _, away := range []time.Duration{0, awayFor(t)} {
		load.more(t, 20)
		require.Zero(t, l.run(t, "stop", "postgres").code)
		<-time.After(away)
		require.Zero(t, l.run(t, "start", "postgres").code)
		l.served(t)
	}
	require.Positive(t, load.requireOnlyUnavailable(t), "the outage was felt")
	l.requireDegradedEnds(t)
	l.requireNoMoneyLost(t, token)
}

// requireOnlyUnavailable ends the load: each failure was a 503 with a problem document. It returns how many there were.
func (s *steady) requireOnlyUnavailable(t testing.TB) int {
	t.Helper()
	s.stop()
	<-s.ended
	t.Logf("%d requests, %d refused, slowest %s", s.sent, len(s.failures), s.slowest.Round(time.Millisecond))
	require.Less(t, len(s.failures), s.sent)
	for _, failure := range s.failures {
		require.Contains(t, failure, `status 503: {"type":"tag:redoubt.example,2026:problem/`)
	}
	return len(s.failures)
}
