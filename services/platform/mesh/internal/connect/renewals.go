package connect

import (
	"context"
	"sync"
)

// renewals are requests for a new leaf before its time.
type renewals struct {
	mu    sync.Mutex
	asked []chan<- error
}

// RenewLeaf has a new leaf signed now and returns once it is in force, with the error of that one attempt.
// Connections that are open go on under the old one.
func (c *Client) RenewLeaf(ctx context.Context) error {
	done := make(chan error, 1)
	c.renewals.mu.Lock()
	c.renewals.asked = append(c.renewals.asked, done)
	c.renewals.mu.Unlock()
	c.roots.wake() // keepLeaf waits there
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *renewals) take() []chan<- error {
	r.mu.Lock()
	defer r.mu.Unlock()
	asked := r.asked
	r.asked = nil
	return asked
}

func answer(asked []chan<- error, err error) {
	for _, done := range asked {
		done <- err
	}
}
