package ratelimit_test

import (
	"math/rand/v2"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/gateway/internal/ratelimit"
)

func TestQuotaText(t *testing.T) {
	for _, text := range []string{"", "100", "100/", "/1s", "0/1s", "-1/1s", "1/0s", "1/1500ms", "1/1ms", "1/25h", "1e3/1s", "9223372036854775807/1s", "x/1s", "1/1s/1s", "Off"} {
		var q ratelimit.Quota
		require.Error(t, q.UnmarshalText([]byte(text)), text)
	}
	for text, want := range map[string]ratelimit.Quota{"off": {}, "100/1s": {100, time.Second}, "1048576/1m0s": {1 << 20, time.Minute}} {
		var q ratelimit.Quota
		require.NoError(t, q.UnmarshalText([]byte(text)), text)
		require.Equal(t, want, q)
		require.Equal(t, text, q.String())
	}
}

// clocked returns a limiter whose time stands still until the test moves it.
func clocked() (*ratelimit.Local, *time.Duration) {
	at := time.Hour
	l := ratelimit.NewLocal()
	l.SetClock(func() time.Duration { return at })
	return l, &at
}

func limit(count int64, period time.Duration) *ratelimit.Limit {
	return &ratelimit.Limit{Name: "test", Quota: ratelimit.Quota{Count: count, Period: period}}
}

func TestGCRA(t *testing.T) {
	l, at := clocked()
	ten := limit(10, time.Second)
	for i := range int64(10) {
		r := l.Take(t.Context(), ten, "k", 1)
		require.True(t, r.Allowed)
		require.Equal(t, 9-i, r.Remaining)
		require.Equal(t, time.Duration(i+1)*100*time.Millisecond, r.Reset)
	}
	r := l.Take(t.Context(), ten, "k", 1)
	require.Equal(t, ratelimit.Result{Reset: time.Second, RetryAfter: 100 * time.Millisecond}, r)
	require.True(t, l.Take(t.Context(), ten, "another", 1).Allowed)
	require.True(t, l.Take(t.Context(), &ratelimit.Limit{Name: "other", Quota: ten.Quota}, "k", 1).Allowed)

	*at += 99 * time.Millisecond
	require.False(t, l.Take(t.Context(), ten, "k", 1).Allowed)
	*at += time.Millisecond
	require.True(t, l.Take(t.Context(), ten, "k", 1).Allowed, "refused requests cost nothing")
	require.False(t, l.Take(t.Context(), ten, "k", 1).Allowed)
	*at += time.Hour
	require.EqualValues(t, 9, l.Take(t.Context(), ten, "k", 1).Remaining, "no more than the quota is saved up")
}

func TestCost(t *testing.T) {
	l, at := clocked()
	bytes := limit(1000, time.Second)
	require.True(t, l.Take(t.Context(), bytes, "k", 999).Allowed)
	r := l.Take(t.Context(), bytes, "k", 100)
	require.False(t, r.Allowed)
	require.Equal(t, 99*time.Millisecond, r.RetryAfter)
	require.True(t, l.Take(t.Context(), bytes, "k", 1).Allowed)
	require.True(t, l.Take(t.Context(), bytes, "k", 0).Allowed, "nothing costs nothing")
	require.False(t, l.Take(t.Context(), bytes, "k", 1<<40).Allowed)
	*at += time.Second
	require.True(t, l.Take(t.Context(), bytes, "k", 1<<40).Allowed, "more than the whole quota counts as the whole of it")
	require.False(t, l.Take(t.Context(), bytes, "k", 1).Allowed)
}

// TestLongRun takes as it likes for simulated minutes, and never gets more than rate and burst allow.
func TestLongRun(t *testing.T) {
	l, at := clocked()
	begin, got := *at, int64(0)
	random := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		*at += time.Duration(random.Int64N(int64(3 * time.Millisecond)))
		units := random.Int64N(4)
		if l.Take(t.Context(), limit(100, time.Second), "k", units).Allowed {
			got += units
		}
	}
	allowed := 100 + int64((*at-begin).Seconds()*100)
	require.LessOrEqual(t, got, allowed)
	require.Greater(t, got, allowed*98/100, "and not much less")
}

// TestMillionsOfKeys: memory stays what it was, and one who has used up its quota isn't forgotten for new keys' sake.
func TestMillionsOfKeys(t *testing.T) {
	l, at := clocked()
	ten := limit(10, time.Second)
	for l.Take(t.Context(), ten, "greedy", 1).Allowed {
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range 8 * ratelimit.SlotsInAll {
		if !l.Take(t.Context(), ten, strconv.Itoa(i), 1).Allowed {
			t.Fatal("a new key was refused")
		}
	}
	require.False(t, l.Take(t.Context(), ten, "greedy", 1).Allowed)
	runtime.GC()
	runtime.ReadMemStats(&after)
	require.Less(t, int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(1<<20))
	*at += time.Second
	require.True(t, l.Take(t.Context(), ten, "greedy", 1).Allowed)
}

func TestTakenAtOnce(t *testing.T) {
	l, _ := clocked()
	var allowed atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 1000 {
				if l.Take(t.Context(), limit(100, time.Second), "k", 1).Allowed {
					allowed.Add(1)
				}
			}
		})
	}
	all.Wait()
	require.EqualValues(t, 100, allowed.Load())
}

func TestHeaders(t *testing.T) {
	l, _ := clocked()
	requests := &ratelimit.Limit{Name: "address", Unit: "requests", Quota: ratelimit.Quota{Count: 100, Period: time.Minute}}
	bytes := &ratelimit.Limit{Name: "cost", Unit: "content-bytes", Quota: ratelimit.Quota{Count: 1 << 20, Period: time.Second}}
	require.Equal(t, `"address";q=100;w=60`, requests.Policy())
	require.Equal(t, `"cost";q=1048576;w=1;qu="content-bytes"`, bytes.Policy())
	field := requests.AppendState(nil, l.Take(t.Context(), requests, "k", 1))
	field = bytes.AppendState(field, l.Take(t.Context(), bytes, "k", 1<<20))
	require.Equal(t, `"address";r=99;t=1, "cost";r=0;t=1`, string(field))
}

func BenchmarkLocal(b *testing.B) {
	l, q := ratelimit.NewLocal(), limit(1<<40, time.Hour)
	b.Run("one key", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				l.Take(b.Context(), q, "203.0.113.7", 1)
			}
		})
	})
	b.Run("a million keys", func(b *testing.B) {
		keys := make([]string, 1<<20)
		for i := range keys {
			keys[i] = strconv.Itoa(i)
		}
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for i := rand.IntN(len(keys)); pb.Next(); i++ {
				l.Take(b.Context(), q, keys[i%len(keys)], 1)
			}
		})
	})
}
