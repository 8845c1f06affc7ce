package platformbench

import (
	"context"
	"fmt"
	"time"

	"redoubt.example/loadtest/bench"
)

// What a block is like. A request takes milliseconds here, and so blocks are of few.
const (
	blockRequests = 3
	blockRounds   = 2 // on the same connection
	settling      = 1 // requests at a block's begin that don't count
	warmUp        = 2 // requests on a new connection that don't count
)

// compare alternates between labs, of which the first is the baseline. With scopes, the requests' tokens have those beside
// what they need.
func (r *run) compare(ctx context.Context, what string, during time.Duration, labs []*Lab, scopes ...string) (*bench.Comparisons, error) {
	r.cfg.Say(what)
	c := bench.Comparison{For: during, Seed: uint64(time.Now().UnixNano()), Block: blockRequests, Rounds: blockRounds, Settling: settling, WarmUp: warmUp,
		Progress: func(part float64) { r.cfg.Say(fmt.Sprintf("%s: %.0f %%", what, 100*part)) }}
	for _, l := range labs {
		p := &prober{lab: l, request: storeDocument, scopes: scopes}
		defer p.close()
		c.Stacks = append(c.Stacks, bench.Stack{Name: l.Name, Request: p.Request, Renew: p.Renew})
	}
	found, err := c.Run(ctx)
	if err == nil && found.Saturated() {
		r.note(fmt.Sprintf("%s: the prober itself was busy for %.0f %% of the time", what, 100*found.Generator))
	}
	return found, err
}

// prober sends one lab's requests on one connection.
type prober struct {
	lab     *Lab
	request Request
	scopes  []string
	wire    *wire
}

// Renew connects anew.
func (p *prober) Renew(ctx context.Context) (err error) {
	p.close()
	p.wire, err = p.lab.connect(ctx, p.request, p.scopes...)
	return err
}

// Request makes one request, and reads the ledger where it asked for that.
func (p *prober) Request(context.Context) (seen bench.Observation, err error) {
	a, err := p.wire.exchange()
	if err != nil {
		return seen, fmt.Errorf("%s: %w", p.request.Name, err)
	}
	seen.Total = a.took
	if p.scopes != nil {
		seen.Parts, err = a.parts()
	}
	return seen, err
}

func (p *prober) close() {
	if p.wire != nil {
		p.wire.close()
		p.wire = nil
	}
}
