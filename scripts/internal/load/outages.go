package load

import (
	"context"
	"fmt"
	"time"

	"redoubt.example/scripts/internal/k6"
)

// Outages are what a platform under load has to do without, one component after the other.
type Outages struct {
	Components []string
	Each       time.Duration
}

// breath is how long the load goes on undisturbed before each outage, and after the last.
const breath = 10 * time.Second

// Needs is how long a load has to last. Getting up again takes some of a breath.
func (o Outages) Needs() time.Duration {
	return breath + time.Duration(len(o.Components))*(o.Each+breath)
}

// Outage is one that took place, in seconds since the load began.
type Outage struct {
	Component string  `json:"component"`
	From      float64 `json:"from_seconds"`
	Till      float64 `json:"till_seconds"` // it was ready again
}

// Servers can be stopped, and started again so that they are ready.
type Servers interface {
	Hold(ctx context.Context, component string) error
	Release(ctx context.Context, component string) error
}

// Run does it to the servers of a load that begins now. Nothing stays stopped, even when ctx ends.
func (o Outages) Run(ctx context.Context, servers Servers, say func(string)) (done []Outage, err error) {
	began := time.Now()
	for _, name := range o.Components {
		if err := pause(ctx, breath); err != nil {
			return done, err
		}
		one := Outage{Component: name, From: time.Since(began).Seconds()}
		say(name + " is stopped")
		err := servers.Hold(ctx, name)
		if err == nil {
			err = pause(ctx, o.Each)
		}
		up, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		say(name + " is started")
		failed := servers.Release(up, name)
		cancel()
		if err == nil {
			err = failed
		}
		if err != nil {
			return done, fmt.Errorf("take %s away under load: %w", name, err)
		}
		one.Till = time.Since(began).Seconds()
		say("all is there")
		done = append(done, one)
	}
	return done, nil
}

// Judge says what was wrong with a run: while something is away requests may take longer, but none may fail.
func (o Outages) Judge(done []Outage, seconds float64, client k6.Summary) []string {
	problems := append([]string{}, client.Problems()...)
	if len(done) < len(o.Components) || len(done) > 0 && done[len(done)-1].Till > seconds {
		problems = append(problems, fmt.Sprintf("the load ended after %.0f s, before the last outage did", seconds))
	}
	return problems
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
