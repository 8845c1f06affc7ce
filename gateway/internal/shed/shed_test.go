package shed_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redoubt.example/gateway/internal/shed"
)

func fixed(n int) shed.Config {
	return shed.Config{Min: n, Max: n, Line: 16, Lines: 64, Wait: 20 * time.Second}
}

func take(t *testing.T, l *shed.Limiter, client string) *shed.Seat {
	t.Helper()
	s, err := l.Acquire(t.Context(), client)
	require.NoError(t, err)
	return s
}

// line has a client wait, and returns what it gets.
func line(t *testing.T, l *shed.Limiter, client string) <-chan *shed.Seat {
	t.Helper()
	got, before := make(chan *shed.Seat, 1), l.Waiting()
	go func() {
		s, err := l.Acquire(t.Context(), client)
		assert.NoError(t, err)
		got <- s
	}()
	require.Eventually(t, func() bool { return l.Waiting() == before+1 }, 10*time.Second, time.Millisecond)
	return got
}

func TestOneClientAloneLeavesRoom(t *testing.T) {
	l := shed.New(fixed(8))
	var seats []*shed.Seat
	for range 4 {
		seats = append(seats, take(t, l, "greedy"))
	}
	waiting := line(t, l, "greedy")
	honest := take(t, l, "honest")
	honest.Release()
	select {
	case <-waiting:
		t.Fatal("the greedy client got more than its share")
	case <-time.After(20 * time.Millisecond):
	}
	for _, s := range seats {
		s.Release()
	}
	(<-waiting).Release()
}

func TestFewestInWorkIsNext(t *testing.T) {
	l := shed.New(fixed(2))
	first, second := take(t, l, "greedy"), take(t, l, "other")
	var greedy []<-chan *shed.Seat
	for range 10 {
		greedy = append(greedy, line(t, l, "greedy"))
	}
	honest := line(t, l, "honest") // comes last
	second.Release()
	seat := <-honest
	seat.Release()
	first.Release()
	for _, g := range greedy {
		(<-g).Release()
	}
	require.Zero(t, l.Known(), "clients that are gone are forgotten")
}

// TestFewestBeforeFirst: who has nothing in work is next, also after one who has less than a share and came before.
func TestFewestBeforeFirst(t *testing.T) {
	l := shed.New(fixed(16))
	first := take(t, l, "a")
	second := take(t, l, "a")
	for range 6 {
		take(t, l, "a")
	}
	for range 5 {
		take(t, l, "b")
	}
	take(t, l, "c")
	take(t, l, "c")
	take(t, l, "d") // sixteen
	d := line(t, l, "d")
	honest := line(t, l, "honest")
	first.Release()
	select {
	case <-honest:
	case <-d:
		t.Fatal("who has one in work came before who has none")
	}
	second.Release()
	(<-d).Release()
}

func TestRefusals(t *testing.T) {
	t.Run("one client's line is full", func(t *testing.T) {
		cfg := fixed(1)
		cfg.Line = 2
		l := shed.New(cfg)
		seat := take(t, l, "a")
		one, two := line(t, l, "a"), line(t, l, "a")
		_, err := l.Acquire(t.Context(), "a")
		require.ErrorIs(t, err, shed.ErrOverload)
		other := line(t, l, "b") // may still wait
		seat.Release()
		for _, got := range []<-chan *shed.Seat{one, other, two} {
			(<-got).Release()
		}
	})
	t.Run("all lines together are full", func(t *testing.T) {
		cfg := fixed(1)
		cfg.Lines = 1
		l := shed.New(cfg)
		seat := take(t, l, "a")
		got := line(t, l, "b")
		_, err := l.Acquire(t.Context(), "c")
		require.ErrorIs(t, err, shed.ErrOverload)
		seat.Release()
		(<-got).Release()
		require.Zero(t, l.Known())
	})
	t.Run("waited too long", func(t *testing.T) {
		cfg := fixed(1)
		cfg.Wait = time.Millisecond
		l := shed.New(cfg)
		seat := take(t, l, "a")
		_, err := l.Acquire(t.Context(), "b")
		require.ErrorIs(t, err, shed.ErrOverload)
		seat.Release()
		require.Zero(t, l.Known())
	})
	t.Run("the client went away", func(t *testing.T) {
		l := shed.New(fixed(1))
		seat := take(t, l, "a")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := l.Acquire(ctx, "b")
		require.ErrorIs(t, err, context.Canceled)
		seat.Release()
		seat.Release() // twice is once
		require.Zero(t, l.Known())
	})
}

// TestNeverMoreThanTheLimit: many clients that come, wait, give up and leave.
func TestNeverMoreThanTheLimit(t *testing.T) {
	cfg := fixed(5)
	cfg.Wait = 2 * time.Millisecond
	l := shed.New(cfg)
	var busy, most, served atomic.Int64
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			for range 50 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(3000))*time.Microsecond)
				if s, err := l.Acquire(ctx, fmt.Sprint(i%7)); err == nil {
					n := busy.Add(1)
					for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
					}
					time.Sleep(100 * time.Microsecond)
					served.Add(1)
					busy.Add(-1)
					s.Release()
				}
				cancel()
			}
		})
	}
	all.Wait()
	require.LessOrEqual(t, most.Load(), int64(5))
	require.Positive(t, served.Load())
	require.Zero(t, l.Known(), "nothing is left behind")
	require.Zero(t, l.Waiting())
}

// TestPaceFindsCapacity simulates a platform that works on eight things at once, beyond which each takes longer.
func TestPaceFindsCapacity(t *testing.T) {
	const capacity = 8
	p := shed.NewPace(shed.Config{Min: 4, Max: 512})
	now := time.Now()
	work := func(kind string, base time.Duration, busy int, slower float64) {
		took := time.Duration(float64(base) * max(1, float64(busy)/capacity) * slower)
		now = now.Add(took / time.Duration(busy))
		p.Done(kind, took, busy, busy >= p.Limit(), now)
	}
	for range 100 { // a quiet time, of works of two kinds
		work("short", 2*time.Millisecond, 1, 1)
		work("long", 50*time.Millisecond, 2, 1)
	}
	require.Equal(t, 16, p.Limit(), "nobody waited: no reason to move")
	for range 200_000 {
		work("short", 2*time.Millisecond, p.Limit(), 1)
	}
	require.InDelta(t, 1.5*capacity, p.Limit(), 3)
	for range 20_000 {
		work("long", 50*time.Millisecond, p.Limit(), 1)
	}
	require.InDelta(t, 1.5*capacity, p.Limit(), 3, "a kind that takes long isn't overload")
	for range 20_000 { // something else takes the processor away
		work("short", 2*time.Millisecond, p.Limit(), 5)
	}
	require.Equal(t, 4, p.Limit())
	for range 200_000 {
		work("short", 2*time.Millisecond, p.Limit(), 1)
	}
	require.InDelta(t, 1.5*capacity, p.Limit(), 3, "and back")
}

// TestPaceOfAnOutage: what isn't our load's doing doesn't lower the limit.
func TestPaceOfAnOutage(t *testing.T) {
	quiet := func() (*shed.Pace, time.Time) {
		p, now := shed.NewPace(shed.Config{Min: 4, Max: 512}), time.Now()
		for range 100 {
			now = now.Add(20 * time.Millisecond)
			p.Done("read", 10*time.Millisecond, 1, false, now)
		}
		return p, now
	}
	t.Run("one request of four hangs", func(t *testing.T) {
		p, now := quiet()
		before := p.Limit()
		for n := range 400 {
			took := 10 * time.Millisecond
			if n%4 == 0 {
				took = 2 * time.Second
			}
			now = now.Add(50 * time.Millisecond)
			p.Done("read", took, 8, true, now)
		}
		require.Greater(t, p.Limit(), before, "requests wait for those that hang: more of them fit")
	})
	t.Run("the machine is slow, and hardly anything is in work", func(t *testing.T) {
		p, now := quiet()
		before := p.Limit()
		for range 400 {
			now = now.Add(50 * time.Millisecond)
			p.Done("read", 100*time.Millisecond, 3, false, now)
		}
		require.Equal(t, before, p.Limit())
	})
	t.Run("everything is slow, and much in work", func(t *testing.T) {
		p, now := quiet()
		for range 400 {
			now = now.Add(50 * time.Millisecond)
			p.Done("read", 100*time.Millisecond, 16, true, now)
		}
		require.Equal(t, 4, p.Limit())
	})
}

func BenchmarkAcquire(b *testing.B) {
	l := shed.New(shed.Config{Min: 4096, Max: 4096, Line: 16, Lines: 64, Wait: time.Second})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			s, err := l.Acquire(b.Context(), "alice")
			if err == nil {
				s.Done("GET /v1/documents")
				s.Release()
			}
		}
	})
}
