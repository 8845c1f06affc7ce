package webhook

import (
	"context"
	"errors"
	"sync"
	"time"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/telemetry"
)

// Bounds of one dispatcher.
const (
	workers     = 32
	perEndpoint = 2                // attempts at once, over all processes
	claimFor    = 30 * time.Second // then another process may try: far longer than an attempt takes
	pollEvery   = time.Second
	settleFor   = 5 * time.Second // to write down what became of an attempt

	waitForSecret = time.Hour // how long Vault may be away before a message is given up
)

// Queue is the outbox.
type Queue interface {
	// Claim returns at most limit due deliveries, at most perEndpoint of any endpoint being claimed at once, each
	// counted as an attempt. Nobody else gets them until the claim runs out or Settle is called.
	Claim(ctx context.Context, limit, perEndpoint int, lease time.Duration) ([]Delivery, error)
	// Settle writes down an attempt and its result. It does nothing when the claim has run out and another has taken it.
	Settle(context.Context, Delivery, Result) error
	// Release gives a claim back without an attempt being counted.
	Release(context.Context, Delivery) error
}

// Request is a signed message on its way out.
type Request struct {
	URL string
	Headers
	Body []byte
}

// Sender sends a request and returns the status of the answer. A target that it refuses is an error that wraps
// ErrTarget.
type Sender interface {
	Send(context.Context, Request) (status int, err error)
}

// Dispatcher delivers what is in the outbox, at least once each.
type Dispatcher struct {
	queue  Queue
	sender Sender
	keys   *keys
	policy Policy
	wake   chan struct{}
}

// NewDispatcher returns a dispatcher; Run makes it work.
func NewDispatcher(queue Queue, sender Sender, sealer Sealer, policy Policy) *Dispatcher {
	return &Dispatcher{queue: queue, sender: sender, keys: newKeys(sealer), policy: policy, wake: make(chan struct{}, 1)}
}

// Wake has the outbox looked at now rather than soon. It doesn't block.
func (d *Dispatcher) Wake() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// Run delivers until ctx ends, and then finishes the attempts under way.
func (d *Dispatcher) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	free := make(chan struct{}, workers)
	for range workers {
		free <- struct{}{}
	}
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.wake:
		case <-poll.C:
		}
		if len(free) == 0 {
			continue // a worker that ends wakes us
		}
		claimed, err := d.queue.Claim(ctx, len(free), perEndpoint, claimFor)
		if err != nil && ctx.Err() == nil {
			telemetry.Log(ctx).Warn("webhook outbox can't be read", "error", err.Error())
		}
		for _, delivery := range claimed {
			<-free
			wg.Go(func() {
				d.deliver(telemetry.WithRequestID(context.WithoutCancel(ctx), delivery.Message.RequestID), delivery)
				free <- struct{}{}
				d.Wake()
			})
		}
	}
}

// deliver makes one attempt. Its context doesn't end with the process's: the sender's time-out bounds it.
func (d *Dispatcher) deliver(ctx context.Context, delivery Delivery) {
	log := telemetry.Log(ctx).With("delivery", delivery.ID, "endpoint", delivery.EndpointID, "attempt", delivery.Attempt)
	start := time.Now()
	result, err := d.attempt(ctx, delivery)
	result.Took = time.Since(start)

	settle, cancel := context.WithTimeout(ctx, settleFor)
	defer cancel()
	if errors.Is(err, errNoSecret) && time.Since(delivery.Message.CreatedAt) < waitForSecret { // not the receiver's fault
		log.Warn("webhook waits for its secret", "error", err.Error())
		err = d.queue.Release(settle, delivery)
	} else {
		log.Info("webhook attempted", "outcome", string(result.Outcome), "status", result.Status, "reason", result.Reason,
			"took_ms", result.Took.Milliseconds())
		err = d.queue.Settle(settle, delivery, result)
	}
	if err != nil {
		log.Warn("webhook attempt can't be written down; it will be made again", "error", err.Error())
	}
}

func (d *Dispatcher) attempt(ctx context.Context, delivery Delivery) (Result, error) {
	secret, err := d.keys.secret(ctx, delivery)
	if err != nil {
		return Result{Outcome: Failed, Reason: "the endpoint's secret can't be opened"}, err
	}
	body, err := delivery.body()
	if err != nil {
		return Result{Outcome: Failed, Reason: "the message can't be encoded"}, nil
	}
	status, err := d.sender.Send(ctx, Request{delivery.URL, secret.Sign("msg_"+delivery.ID.String(), time.Now(), body), body})
	if errors.Is(err, ErrTarget) {
		controls.Record(ctx, controls.AppWebhookSSRF, controls.Deny, err.Error(), "endpoint", delivery.EndpointID)
	}
	return d.policy.After(delivery, status, err), nil
}
