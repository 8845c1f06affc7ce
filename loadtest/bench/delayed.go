package bench

import (
	"context"
	"net"
	"sync"
	"time"
)

// Delayed is a target that keeps the processor busy for a known time before each request, to see whether the prober
// recovers it. truth is the median of what the delay really was, by its own clock, in microseconds.
func Delayed(t Target, name string, delay time.Duration) (delayed Target, truth func() float64) {
	d := &delays{}
	dial := t.Dial
	t.Name = name
	t.Dial = func(ctx context.Context) (net.Conn, error) {
		conn, err := dial(ctx)
		if err != nil {
			return nil, err
		}
		return &delayedConn{conn, delay, d}, nil
	}
	return t, func() float64 {
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
	began := time.Now()
	took := time.Duration(0)
	for took < c.delay {
		took = time.Since(began)
	}
	c.delays.mu.Lock()
	c.delays.took = append(c.delays.took, took)
	c.delays.mu.Unlock()
	return c.Conn.Write(b)
}
