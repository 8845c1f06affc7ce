package platformbench

import (
	"context"
	"fmt"
	"math"
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

// compare alternates between labs, of which the first is the baseline, until the interval is narrow enough or the time is up.
func (r *run) compare(ctx context.Context, what string, during time.Duration, labs []*Lab) (*bench.Comparisons, error) {
	var probers []*prober
	for _, l := range labs {
		probers = append(probers, &prober{lab: l, request: storeDocument})
	}
	return r.alternate(ctx, what, bench.Comparison{For: during, Narrow: r.cfg.Plan.Narrow}, probers)
}

// ledgers compares what labs say of where requests' time went, for the whole time given.
func (r *run) ledgers(ctx context.Context, what string, during time.Duration, labs []*Lab) (*bench.Comparisons, error) {
	var probers []*prober
	for _, l := range labs {
		probers = append(probers, &prober{lab: l, request: storeDocument, scopes: ledgerScopes})
	}
	return r.alternate(ctx, what, bench.Comparison{For: during}, probers)
}

func (r *run) alternate(ctx context.Context, what string, c bench.Comparison, probers []*prober) (*bench.Comparisons, error) {
	r.cfg.Say(what)
	c.Seed, c.Block, c.Rounds, c.Settling, c.WarmUp = uint64(time.Now().UnixNano()), blockRequests, blockRounds, settling, warmUp
	c.Progress = func(part float64) { r.cfg.Say(fmt.Sprintf("%s: %.0f %%", what, 100*part)) }
	for _, p := range probers {
		defer p.close()
		c.Stacks = append(c.Stacks, bench.Stack{Name: p.lab.Name, Request: p.Request, Renew: p.Renew})
	}
	found, err := c.Run(ctx)
	if err != nil {
		return nil, err
	}
	if c.Narrow > 0 {
		r.ends[found.Stopped]++
	}
	method := &r.result.Method
	method.Generator = max(method.Generator, math.Ceil(100*found.Generator)/100)
	return found, nil
}

// prober sends one lab's requests on one connection. With scopes, its tokens have those beside what the request needs.
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
