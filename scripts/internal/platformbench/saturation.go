package platformbench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

const (
	senders = 8 // connections that each send the next request when the last is answered
	// breath is how long a sender waits when the edge sheds its request: one that comes back at once only takes time.
	breath = 20 * time.Millisecond
)

// saturate tells how many requests per second a platform answers well when it is sent as many as it takes, the sender on the same
// processors.
func saturate(ctx context.Context, l *Lab, request Request, during time.Duration) (perSecond float64, err error) {
	wires := make([]*wire, senders)
	for i := range wires {
		if wires[i], err = l.connect(ctx, request); err != nil {
			return 0, err
		}
		defer wires[i].close()
		if err := wires[i].good(); err != nil { // warms the pools
			return 0, err
		}
	}
	var group sync.WaitGroup
	counts, errs := make([]int, senders), make([]error, senders)
	began := time.Now()
	for i, w := range wires {
		group.Go(func() { counts[i], errs[i] = w.sendOn(ctx, began.Add(during)) })
	}
	group.Wait()
	total := 0
	for _, n := range counts {
		total += n
	}
	if err := errors.Join(errs...); err != nil {
		return 0, fmt.Errorf("saturate %s: %w", l.Name, err)
	}
	return float64(total) / time.Since(began).Seconds(), nil
}

// sendOn counts good answers until the time is up.
func (w *wire) sendOn(ctx context.Context, until time.Time) (n int, err error) {
	for time.Now().Before(until) && ctx.Err() == nil {
		switch _, err := w.exchange(); {
		case err == nil:
			n++
		case shed(err):
			time.Sleep(breath)
		default:
			return n, err
		}
	}
	return n, ctx.Err()
}

// good sends one request until it isn't shed.
func (w *wire) good() error {
	for {
		_, err := w.exchange()
		if !shed(err) {
			return err
		}
		time.Sleep(breath)
	}
}

// shed tells whether an answer asks to come back later.
func shed(err error) bool {
	var r *refused
	return errors.As(err, &r) && (r.status == http.StatusServiceUnavailable || r.status == http.StatusTooManyRequests)
}
