package authn_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/authn"
	"redoubt.example/services/platform/fault"
)

func TestUnknownKeysAreFetchedAtMostOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTTS(t)
		v := authn.NewVerifier(s.fetch)
		flood := func() {
			var all sync.WaitGroup
			for i := range 100 {
				all.Go(func() {
					_, err := v.Verify(t.Context(), s.sign(t, with(goodHeader(), "kid", fmt.Sprint("made-up-", i)), goodClaims()), domain)
					require.Equal(t, fault.Unauthenticated, fault.KindOf(err))
				})
			}
			all.Wait()
		}
		flood()
		flood()
		require.EqualValues(t, 1, s.fetches.Load())
		time.Sleep(time.Second)
		flood()
		require.EqualValues(t, 2, s.fetches.Load())
		_, err := v.Verify(t.Context(), s.sign(t, goodHeader(), goodClaims()), domain)
		require.NoError(t, err, "the flood costs a good token nothing")
	})
}

func TestKeysThatCantBeHadAreNotTheTokensFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTTS(t)
		s.down.Store(true)
		v := authn.NewVerifier(s.fetch)
		for range 10 {
			_, err := v.Verify(t.Context(), s.sign(t, goodHeader(), goodClaims()), domain)
			require.Equal(t, fault.Unavailable, fault.KindOf(err))
		}
		require.EqualValues(t, 1, s.fetches.Load())
		s.down.Store(false)
		time.Sleep(time.Second)
		_, err := v.Verify(t.Context(), s.sign(t, goodHeader(), goodClaims()), domain)
		require.NoError(t, err)
	})
}

func TestCallerThatHangsUpLeavesTheFetchToTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTTS(t)
		answer := make(chan struct{})
		v := authn.NewVerifier(func(ctx context.Context) ([]byte, error) { <-answer; return s.fetch(ctx) })
		raw := s.sign(t, goodHeader(), goodClaims())
		ctx, cancel := context.WithCancel(t.Context())
		results := make(chan error, 2)
		go func() { _, err := v.Verify(ctx, raw, domain); results <- err }()
		synctest.Wait()
		cancel()
		require.Error(t, <-results)
		go func() { _, err := v.Verify(t.Context(), raw, domain); results <- err }()
		synctest.Wait()
		close(answer)
		require.NoError(t, <-results)
		require.EqualValues(t, 1, s.fetches.Load())
	})
}

// TestRotationIsNoticedByNobody: a token an instant before and after each rotation verifies, with no fetch on a
// request's path after the first.
func TestRotationIsNoticedByNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, err := authn.NewMinter(domain)
		require.NoError(t, err)
		blocked, block := false, make(chan struct{})
		v := authn.NewVerifier(func(context.Context) ([]byte, error) {
			if blocked {
				<-block // a fetch that a request waited for would wait for ever
			}
			return m.PublicKeys()
		})
		verify := func(raw string) {
			_, err := v.Verify(t.Context(), raw, domain)
			require.NoError(t, err)
		}
		mint := func() string {
			raw, err := m.Mint(grant)
			require.NoError(t, err)
			return raw
		}
		verify(mint())
		for range 3 {
			time.Sleep(30 * time.Minute)
			verify(mint()) // in the background, this one has the keys refreshed
			synctest.Wait()
			time.Sleep(30*time.Minute - time.Second)
			before := mint()
			time.Sleep(2 * time.Second)
			blocked = true
			verify(before)
			verify(mint())
			synctest.Wait()
			blocked = false
			close(block)
			block = make(chan struct{})
			synctest.Wait()
		}
	})
}

func TestOldKeyIsWithdrawn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, err := authn.NewMinter(domain)
		require.NoError(t, err)
		count := func() int {
			keys, err := m.PublicKeys()
			require.NoError(t, err)
			set, err := authn.ParseKeys(keys)
			require.NoError(t, err)
			return len(set)
		}
		require.Equal(t, 2, count())
		time.Sleep(time.Hour)
		require.Equal(t, 3, count(), "the last tokens of the old key still live")
		time.Sleep(time.Minute)
		require.Equal(t, 2, count())
	})
}

func TestVerifierIsSafeForConcurrentUse(t *testing.T) {
	m, err := authn.NewMinter(domain)
	require.NoError(t, err)
	v := authn.NewVerifier(func(context.Context) ([]byte, error) { return m.PublicKeys() })
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for i := range 50 {
				g := grant
				g.Txn = fmt.Sprintf("%d-%d", worker, i/2)
				raw, err := m.Mint(g)
				require.NoError(t, err)
				token, err := v.Verify(t.Context(), raw, domain)
				require.NoError(t, err)
				require.Equal(t, g.Txn, token.Txn)
			}
		})
	}
	all.Wait()
}
