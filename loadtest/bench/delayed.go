package bench

import (
	"context"
	"net"
	"sync"
	"time"
)

// Delayed is a target that keeps the processor busy for a known time in each request, and rested one that does so just before,
// outside the request's time: what is found between the two has to be the delay, to see whether the prober recovers it. To
// compare it with the target itself would find more than the delay, or less: a server whose next request comes later sleeps more
// deeply, which costs microseconds of its own. truth is the median of what the delay really was, by its own clock, in microseconds.
func Delayed(t Target, delay time.Duration) (rested, delayed Target, truth func() float64) {
	d := &delays{}
	rested, delayed = t, t
	rested.Name, rested.rest = t.Name+" rested", delay
	delayed.Name = t.Name + " delayed"
	delayed.Dial = func(ctx context.Context) (net.Conn, error) {
		conn, err := t.Dial(ctx)
		if err != nil {
			return nil, err
		}
		return &delayedConn{conn, delay, d}, nil
	}
	return rested, delayed, func() float64 {
		d.mu.Lock()
		defer d.mu.Unlock()
		return QuantileOf(0.5, d.took)
	}
}

type delays struct {
	mu   sync.Mutex
	took []time.Duration
}

type delayedConn struct {
	net.Conn
	delay  time.Duration
	delays *delays
}

func (c *delayedConn) Write(b []byte) (int, error) {
	took := spinFor(time.Now(), c.delay)
	c.delays.mu.Lock()
	c.delays.took = append(c.delays.took, took)
	c.delays.mu.Unlock()
	return c.Conn.Write(b)
}
