package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// OpenLoop sends requests at a constant rate, whatever becomes of those before: as users do, who don't wait for each
// other. Latency counts from when a request was meant to be sent, so that a pause of the service is seen by everybody
// who came meanwhile, and not only by the one request that was under way.
type OpenLoop struct {
	Request func(ctx context.Context) error // by many goroutines
	Rate    float64                         // arrivals per second
	For     time.Duration
	// InFlight is how many requests may be under way. An arrival beyond is dropped, and fails the run.
	InFlight int

	// Omit breaks it: coordinated omission. One sender waits for each answer, and counts from when it really sent.
	Omit bool
}

// Arrivals is what an open loop saw.
type Arrivals struct {
	Took    []time.Duration // from the intended time
	Dropped int
}

// ErrDropped: the generator or the service couldn't keep up, so that latencies of those who came through would flatter.
var ErrDropped = errors.New("arrivals were dropped")

// Run sends for the time given and waits for the last answer. A failed or dropped request is an error; what was seen is
// returned all the same.
func (o OpenLoop) Run(ctx context.Context) (Arrivals, error) {
	if o.Omit {
		return o.closed(ctx)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var seen Arrivals
	var mu sync.Mutex
	var group sync.WaitGroup
	slots := make(chan struct{}, o.InFlight)
	began := time.Now()
	n := int(o.Rate * o.For.Seconds())
	for i := range n {
		due := began.Add(time.Duration(float64(i) / o.Rate * float64(time.Second)))
		if !until(ctx, due) {
			break
		}
		select {
		case slots <- struct{}{}:
		default:
			seen.Dropped++
			continue
		}
		group.Go(func() {
			defer func() { <-slots }()
			if err := o.Request(ctx); err != nil {
				cancel(err)
				return
			}
			took := time.Since(due)
			mu.Lock()
			defer mu.Unlock()
			seen.Took = append(seen.Took, took)
		})
	}
	group.Wait()
	switch {
	case ctx.Err() != nil:
		return seen, context.Cause(ctx)
	case seen.Dropped > 0:
		return seen, fmt.Errorf("%w: %d of %d", ErrDropped, seen.Dropped, n)
	}
	return seen, nil
}

// until sleeps to a time, and tells whether it came to that.
func until(ctx context.Context, due time.Time) bool {
	if wait := time.Until(due); wait > 0 {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
	return ctx.Err() == nil
}

func (o OpenLoop) closed(ctx context.Context) (Arrivals, error) {
	var seen Arrivals
	next := time.Now()
	for end := next.Add(o.For); next.Before(end) && until(ctx, next); {
		sent := time.Now()
		if err := o.Request(ctx); err != nil {
			return seen, err
		}
		seen.Took = append(seen.Took, time.Since(sent))
		next = time.Now().Add(time.Duration(float64(time.Second) / o.Rate))
	}
	return seen, ctx.Err()
}
