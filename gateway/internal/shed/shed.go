// Package shed limits how many requests are worked on at once, and shares that out among clients: who has the fewest
// in work is next, whoever else waits. What can't be worked on soon is refused while refusing is still cheap.
package shed

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrOverload refuses a request: nothing was done for it. Try again in RetryAfter.
var ErrOverload = errors.New("too much to do")

// RetryAfter is when a refused client should come again: queues are far shorter than that.
const RetryAfter = time.Second

// Config bounds a Limiter. With Min = Max the limit is fixed.
type Config struct {
	Min, Max int           // how many requests are in work at once: the limit moves between these
	Line     int           // how many of one client may wait
	Lines    int           // how many of all clients together may wait
	Wait     time.Duration // how long one may wait
}

// Limiter hands out the right to work on a request. Safe for concurrent use.
type Limiter struct {
	cfg Config

	mu      sync.Mutex
	pace    pace
	busy    int
	waiting int
	refused int64
	clients map[string]*client // those with a request in work or waiting
	next    []*client          // those with a request waiting, in turn
}

type client struct {
	busy int
	line []*waiter
}

type waiter struct {
	ready   chan struct{}
	granted bool
}

// New returns a limiter.
func New(cfg Config) *Limiter {
	return &Limiter{cfg: cfg, clients: map[string]*client{}, pace: newPace(cfg)}
}

// Acquire waits for the client's turn. Call Seat.Release when the request is done, whatever became of it. The error is
// ErrOverload, or the context's.
func (l *Limiter) Acquire(ctx context.Context, name string) (*Seat, error) {
	l.mu.Lock()
	c := l.clients[name]
	if c == nil {
		c = &client{}
		l.clients[name] = c
	}
	if l.free() && c.busy < l.share() && len(c.line) == 0 {
		l.grant(c)
		l.mu.Unlock()
		return &Seat{l: l, name: name, c: c, began: time.Now()}, nil
	}
	l.pace.wanted = true
	if len(c.line) >= l.cfg.Line || l.waiting >= l.cfg.Lines {
		l.refused++
		l.forget(name, c)
		l.mu.Unlock()
		return nil, ErrOverload
	}
	w := &waiter{ready: make(chan struct{})}
	if c.line = append(c.line, w); len(c.line) == 1 {
		l.next = append(l.next, c)
	}
	l.waiting++
	l.mu.Unlock()
	return l.wait(ctx, name, c, w)
}

func (l *Limiter) wait(ctx context.Context, name string, c *client, w *waiter) (*Seat, error) {
	late := time.NewTimer(l.cfg.Wait)
	defer late.Stop()
	err := ErrOverload
	select {
	case <-w.ready:
		return &Seat{l: l, name: name, c: c, began: time.Now()}, nil
	case <-late.C:
	case <-ctx.Done():
		err = ctx.Err()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.granted { // in the meantime
		return &Seat{l: l, name: name, c: c, began: time.Now()}, nil
	}
	l.leave(c, w)
	l.refused++
	l.forget(name, c)
	return nil, err
}

// leave takes a waiter out of its line.
func (l *Limiter) leave(c *client, w *waiter) {
	for i := range c.line {
		if c.line[i] == w {
			c.line = append(c.line[:i], c.line[i+1:]...)
			l.waiting--
			break
		}
	}
	if len(c.line) == 0 {
		for i := range l.next {
			if l.next[i] == c {
				l.next = append(l.next[:i], l.next[i+1:]...)
				return
			}
		}
	}
}

func (l *Limiter) free() bool { return l.busy < l.pace.limit() }

// share is what one client may have in work: so much that, were all active clients to take it, one more would
// still find a place.
func (l *Limiter) share() int { return max(1, l.pace.limit()/(len(l.clients)+1)) }

func (l *Limiter) grant(c *client) {
	c.busy++
	l.busy++
}

// dispatch hands what is free to those who wait: first to who has the fewest in work, among equals in turn.
func (l *Limiter) dispatch() {
	for l.free() && len(l.next) > 0 {
		best, share := -1, l.share()
		for i, c := range l.next {
			if c.busy < share && (best < 0 || c.busy < l.next[best].busy) {
				if best = i; c.busy == 0 {
					break
				}
			}
		}
		if best < 0 {
			return
		}
		c := l.next[best]
		w := c.line[0]
		c.line = c.line[1:]
		l.waiting--
		l.next = append(l.next[:best], l.next[best+1:]...)
		if len(c.line) > 0 {
			l.next = append(l.next, c)
		}
		w.granted = true
		l.grant(c)
		close(w.ready)
	}
}

// forget drops a client that has nothing here any more.
func (l *Limiter) forget(name string, c *client) {
	if c.busy == 0 && len(c.line) == 0 {
		delete(l.clients, name)
	}
}

// Seat is the right to work on one request.
type Seat struct {
	l     *Limiter
	name  string
	c     *client
	began time.Time
	once  sync.Once
}

// Done tells the limiter how long the work took, by kind: works of one kind take about the same when nothing is in their
// way. Leave it out for what says nothing of the load, such as a failure.
func (s *Seat) Done(kind string) {
	took := time.Since(s.began)
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	s.l.pace.done(kind, took, s.l.busy, time.Now())
}

// Release gives the right back. It may be called twice.
func (s *Seat) Release() {
	s.once.Do(func() {
		l := s.l
		l.mu.Lock()
		defer l.mu.Unlock()
		s.c.busy--
		l.busy--
		l.forget(s.name, s.c)
		l.dispatch()
	})
}
