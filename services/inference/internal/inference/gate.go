package inference

import (
	"context"
	"time"

	"redoubt.example/services/platform/fault"
)

// retryAfter is what a caller is told who finds the queue full: it drains within a second or not at all.
const retryAfter = time.Second

// Gate bounds how many requests compute at once, and how many may wait for that: beyond it they are refused at
// once, before anything was spent on them, instead of all becoming slow.
type Gate struct {
	admitted chan struct{}
	running  chan struct{}
}

// NewGate lets running requests compute and queued ones wait.
func NewGate(running, queued int) *Gate {
	return &Gate{admitted: make(chan struct{}, running+queued), running: make(chan struct{}, running)}
}

// Enter admits a request, or refuses it with Unavailable. leave is called exactly once, at its end.
func (g *Gate) Enter() (leave func(), err error) {
	select {
	case g.admitted <- struct{}{}:
		return func() { <-g.admitted }, nil
	default:
		return nil, fault.RetryAfter(fault.New(fault.Unavailable, "too many requests are waiting for this model"), retryAfter)
	}
}

// Compute runs f when it is this request's turn, unless ctx ends first.
func (g *Gate) Compute(ctx context.Context, f func() error) error {
	select {
	case g.running <- struct{}{}:
	case <-ctx.Done():
		return fault.Wrap(fault.KindOf(ctx.Err()), ctx.Err(), "the request waited too long for the model")
	}
	defer func() { <-g.running }()
	if err := ctx.Err(); err != nil { // select chooses at random when both are ready
		return err
	}
	return f()
}
