package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"time"
)

// Probe says how to alternate between targets.
type Probe struct {
	Targets []Target
	For     time.Duration // about how long; at least MinEpochs are made
	Seed    uint64        // of the order; the same seed gives the same order

	Block  int // requests to a target in a row; 20 when 0
	Rounds int // with the same connections: an epoch; 8 when 0

	// Progress, where given, hears how far it is, from 0 to 1.
	Progress func(part float64)
}

const (
	settling  = 2  // requests at a block's begin that don't count: caches and the scheduler turn to the target
	warmUp    = 30 // requests that a new connection makes before it counts
	MinEpochs = 4  // fewer give no interval
)

// Samples are what one target showed, by epoch and round. Every target has the same epochs and rounds: what stands
// at the same place was measured at the same time.
type Samples struct {
	Name   string
	Epochs [][]Round
}

// Round is one block of requests to a target.
type Round struct {
	Took []time.Duration
	CPU  []time.Duration // per process, and last the prober's own, for Requests requests
	// Requests counts those that aren't in Took, too.
	Requests int
}

// Run probes until the time is up. A failed request ends it: what loses requests isn't compared.
func (p Probe) Run(ctx context.Context) ([]Samples, error) {
	if p.Block == 0 {
		p.Block = 20
	}
	if p.Rounds == 0 {
		p.Rounds = 8
	}
	random := rand.New(rand.NewPCG(p.Seed, 1))
	all := make([]Samples, len(p.Targets))
	for i, t := range p.Targets {
		all[i].Name = t.Name
	}
	began := time.Now()
	if _, err := p.epoch(ctx, random); err != nil { // discarded: processes grow, page tables fill, collectors settle
		return nil, err
	}
	for len(all[0].Epochs) < MinEpochs || time.Since(began) < p.For {
		rounds, err := p.epoch(ctx, random)
		if err != nil {
			return nil, err
		}
		for i := range all {
			all[i].Epochs = append(all[i].Epochs, rounds[i])
		}
		if p.Progress != nil {
			p.Progress(min(1, time.Since(began).Seconds()/max(p.For.Seconds(), 1e-9)))
		}
	}
	return all, nil
}

// epoch makes new connections, so that the luck of one (which thread, which processor serves it) is averaged too,
// and some rounds on them.
func (p Probe) epoch(ctx context.Context, random *rand.Rand) (rounds [][]Round, err error) {
	runtime.GC() // now, and not while a request is under way: the prober's collector isn't what is measured
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	rounds = make([][]Round, len(p.Targets))
	ways := make([]*exchanger, len(p.Targets))
	defer func() {
		for _, w := range ways {
			if w != nil {
				w.close()
			}
		}
	}()
	for _, i := range random.Perm(len(p.Targets)) {
		if ways[i], err = dial(ctx, p.Targets[i]); err != nil {
			return nil, err
		}
		for range warmUp {
			if _, err := ways[i].exchange(); err != nil {
				return nil, fmt.Errorf("request to %s: %w", p.Targets[i].Name, err)
			}
		}
	}
	for range p.Rounds {
		for _, i := range random.Perm(len(p.Targets)) {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			round, err := block(ways[i], p.Targets[i].Processes, p.Block)
			if err != nil {
				return nil, fmt.Errorf("request to %s: %w", p.Targets[i].Name, err)
			}
			rounds[i] = append(rounds[i], round)
		}
	}
	return rounds, nil
}

func block(way *exchanger, processes []int, requests int) (Round, error) {
	round := Round{Took: make([]time.Duration, 0, requests), Requests: requests + settling}
	before, err := clocks(processes)
	if err != nil {
		return round, err
	}
	for i := range requests + settling {
		took, err := way.exchange()
		if err != nil {
			return round, err
		}
		if i >= settling {
			round.Took = append(round.Took, took)
		}
	}
	after, err := clocks(processes)
	if err != nil {
		return round, errors.Join(errors.New("a process ended while it was measured"), err)
	}
	for i := range after {
		round.CPU = append(round.CPU, after[i]-before[i])
	}
	return round, nil
}
