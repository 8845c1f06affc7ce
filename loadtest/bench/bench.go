// Package bench measures what one way of reaching a service costs more than another, in microseconds. The ways
// are probed alternately in short random blocks, so that whatever else the machine does meets all of them alike;
// only differences within a round are believed, and each comes with an interval.
//
// It shares no code with what it measures: a way is a function that dials.
package bench

import (
	"context"
	"net"
	"time"
)

// Target is one way of reaching a service that echoes what is posted to it.
type Target struct {
	Name string
	Dial func(ctx context.Context) (net.Conn, error)
	// Processes are what serves the way besides the prober itself: their processor time is counted.
	Processes []int

	rest time.Duration // before each request, outside its time: see Delayed
}

// exchangeTimeout bounds one request: a way that hangs ends the run instead of lengthening it.
const exchangeTimeout = 10 * time.Second
