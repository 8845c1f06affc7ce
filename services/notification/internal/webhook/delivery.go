package webhook

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"redoubt.example/services/notification/internal/message"
)

// Delivery is one message on its way to one endpoint, claimed by this process for one attempt.
type Delivery struct {
	ID         uuid.UUID
	EndpointID uuid.UUID
	URL        string
	Sealed     string
	Attempt    int // this one, counted from 1
	Rejections int // earlier attempts that the receiver refused for good
	Message    message.Message
}

// body is the payload of the specification. Every attempt sends the same bytes.
func (d Delivery) body() ([]byte, error) {
	return json.Marshal(struct {
		Type      string          `json:"type"`
		Timestamp time.Time       `json:"timestamp"`
		Data      json.RawMessage `json:"data"`
		Subject   string          `json:"subject"`
	}{d.Message.Kind, d.Message.CreatedAt.UTC(), d.Message.Data, d.Message.Subject})
}

// Result is what became of an attempt.
type Result struct {
	Outcome  Outcome
	Status   int // the receiver's HTTP status; 0 without an answer
	Reason   string
	Took     time.Duration
	Retry    time.Duration // when Outcome is Retry or Rejected
	Rejected bool          // counts towards Policy.Rejections
}

// Outcome is what happens with a delivery next.
type Outcome string

// The outcomes, as they are stored.
const (
	Delivered Outcome = "delivered"
	Retry     Outcome = "pending"
	Failed    Outcome = "failed"
)

// Policy says how often and when to try again.
type Policy struct {
	Attempts   int // at most
	Rejections int // at most: answers that trying again won't change
	Base, Max  time.Duration
	Factor     float64
}

// DefaultPolicy spreads eight attempts over about half an hour.
var DefaultPolicy = Policy{Attempts: 8, Rejections: 3, Base: 2 * time.Second, Max: 15 * time.Minute, Factor: 3}

// After decides about an attempt that was answered with status, or failed with err.
func (p Policy) After(d Delivery, status int, err error) Result {
	r := Result{Outcome: Retry, Status: status}
	switch {
	case errors.Is(err, ErrTarget):
		r.Outcome, r.Reason = Failed, err.Error() // the next attempt would be refused too
		return r
	case err != nil:
		r.Reason = "no answer"
	case status >= 200 && status < 300:
		r.Outcome, r.Reason = Delivered, "accepted"
		return r
	case transient(status):
		r.Reason = "the receiver can't take it now"
	default:
		r.Rejected, r.Reason = true, "the receiver refuses it" // redirects too: they aren't followed
	}
	if d.Attempt >= p.Attempts || r.Rejected && d.Rejections+1 >= p.Rejections {
		r.Outcome = Failed
		return r
	}
	r.Retry = p.delay(d.Attempt)
	return r
}

func transient(status int) bool {
	return status == 408 || status == 425 || status == 429 || status >= 500
}

// delay grows exponentially, with jitter over its upper half: endpoints that failed together don't come back together.
func (p Policy) delay(attempt int) time.Duration {
	d := min(float64(p.Base)*math.Pow(p.Factor, float64(attempt-1)), float64(p.Max))
	return time.Duration(d/2 + rand.Float64()*d/2)
}
