package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Part is where some of a request's time goes: a control, or another piece of work, at a hop.
type Part struct{ Hop, Control string }

// Observation is one request as its sender saw it, with what the hops say of their parts. A part that isn't there
// took no time: that is what a control costs which is off.
type Observation struct {
	Total time.Duration
	Parts map[Part]time.Duration
}

// Stack is one of the things that a Comparison compares: a whole platform, or one control of it on or off.
type Stack struct {
	Name string
	// Request makes one request. It is never called twice at a time; an error ends the run.
	Request func(ctx context.Context) (Observation, error)
	// Renew, where given, makes the connections anew. Then what is resampled is what connections had in common.
	Renew func(ctx context.Context) error
	// Processes are what serves the stack: their processor time is counted.
	Processes []int
}

// Comparison compares stacks with the first of them, which is the baseline: short blocks of requests alternate in
// random order, so that whatever else the machine does meets all of them alike.
type Comparison struct {
	Stacks []Stack
	For    time.Duration // at most about so long, but long enough for an interval
	Seed   uint64        // of the order; the same seed gives the same order

	// Narrow ends the run early: when the 95 % interval of every median difference reaches this many microseconds to
	// either side, or less. 0 takes the whole time.
	Narrow float64

	Block    int // requests to a stack in a row that count; 10 when 0
	Settling int // requests before those that don't, while caches and the scheduler turn to the stack; 2 when 0, none when negative
	Rounds   int // of one block for each stack, between two renewals; 4 when 0
	WarmUp   int // requests after a renewal that don't count; 5 when 0, none when negative

	// Progress, where given, hears how far it is, from 0 to 1.
	Progress func(part float64)

	// unpaired breaks it: all of one stack, then all of the next.
	unpaired bool
}

// minUnits is the fewest independent differences that a 99.9 % interval can be had from, and some more.
const minUnits = 16

// Reasons for which a run stopped.
const (
	StoppedNarrow = "interval"
	StoppedTime   = "time"
)

func (c Comparison) withDefaults() Comparison {
	for field, standard := range map[*int]int{&c.Block: 10, &c.Settling: 2, &c.Rounds: 4, &c.WarmUp: 5} {
		if *field == 0 {
			*field = standard
		}
		*field = max(*field, 0)
	}
	return c
}

// Unpaired is the same comparison done wrongly: one stack after the other, as two benchmark runs in a row are.
// What proves that the harness works has to find that this one doesn't.
func (c Comparison) Unpaired() Comparison {
	c.unpaired = true
	return c
}

// Run compares until the intervals are narrow enough or the time is up, and says which.
func (c Comparison) Run(ctx context.Context) (*Comparisons, error) {
	if len(c.Stacks) < 2 {
		return nil, errors.New("a comparison needs two stacks")
	}
	c = c.withDefaults()
	r := runner{Comparison: c, random: rand.New(rand.NewPCG(c.Seed, 4)), began: time.Now()}
	r.found = newComparisons(c)
	if c.unpaired {
		return r.found, r.oneAfterTheOther(ctx)
	}
	return r.found, r.alternate(ctx)
}

type runner struct {
	Comparison
	random *rand.Rand
	began  time.Time
	found  *Comparisons

	tidied    uint64        // bytes allocated until the last time
	wall, own time.Duration // in blocks: passed, and used by ourselves
}

func (r *runner) alternate(ctx context.Context) error {
	if _, err := r.epoch(ctx, r.all()); err != nil { // discarded: processes grow, page tables fill, collectors settle
		return err
	}
	r.wall, r.own = 0, 0
	look := minUnits
	for {
		blocks, err := r.epoch(ctx, r.all())
		if err != nil {
			return err
		}
		r.found.add(blocks)
		r.progress()
		units := r.found.units()
		if units < minUnits {
			continue
		}
		// Looking seldom keeps an interval from being called narrow by luck.
		if r.Narrow > 0 && units >= look {
			look = units + units/4
			if r.found.narrow(r.Narrow) {
				return r.end(StoppedNarrow)
			}
		}
		if time.Since(r.began) >= r.For {
			return r.end(StoppedTime)
		}
	}
}

// oneAfterTheOther gives each stack its share of the time, and then puts side by side what was never side by side.
func (r *runner) oneAfterTheOther(ctx context.Context) error {
	alone := make([]*Comparisons, len(r.Stacks))
	for i := range r.Stacks {
		alone[i] = newComparisons(r.Comparison)
		share := r.For * time.Duration(i+1) / time.Duration(len(r.Stacks))
		for enough := false; !enough; {
			turns, err := r.epoch(ctx, []int{i})
			if err != nil {
				return err
			}
			alone[i].epochs[0] = append(alone[i].epochs[0], turns[i])
			r.progress()
			enough = alone[i].units() >= minUnits && time.Since(r.began) >= share
		}
	}
	for e := range alone[0].epochs[0] {
		for i := range r.Stacks {
			if e >= len(alone[i].epochs[0]) {
				return r.end(StoppedTime)
			}
		}
		for i := range r.Stacks {
			r.found.epochs[i] = append(r.found.epochs[i], alone[i].epochs[0][e])
		}
	}
	return r.end(StoppedTime)
}

func (r *runner) all() []int {
	all := make([]int, len(r.Stacks))
	for i := range all {
		all[i] = i
	}
	return all
}

func (r *runner) progress() {
	if r.Progress != nil {
		r.Progress(min(1, time.Since(r.began).Seconds()/max(r.For.Seconds(), 1e-9)))
	}
}

func (r *runner) end(why string) error {
	r.found.Stopped, r.found.Took = why, time.Since(r.began)
	if r.wall > 0 {
		r.found.Generator = r.own.Seconds() / r.wall.Seconds()
	}
	return nil
}

// epoch renews the connections and makes some rounds on them: by stack, its blocks.
func (r *runner) epoch(ctx context.Context, stacks []int) ([][]turn, error) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	r.tidy()
	for _, i := range r.shuffled(stacks) {
		s := r.Stacks[i]
		if s.Renew != nil {
			if err := s.Renew(ctx); err != nil {
				return nil, fmt.Errorf("connect to %s: %w", s.Name, err)
			}
		}
		for range r.WarmUp {
			if _, err := s.Request(ctx); err != nil {
				return nil, fmt.Errorf("request to %s: %w", s.Name, err)
			}
		}
	}
	blocks := make([][]turn, len(r.Stacks))
	for range r.Rounds {
		for _, i := range r.shuffled(stacks) {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			b, err := r.turn(ctx, r.Stacks[i])
			if err != nil {
				return nil, fmt.Errorf("request to %s: %w", r.Stacks[i].Name, err)
			}
			blocks[i] = append(blocks[i], b)
		}
	}
	return blocks, nil
}

// garbage is how many bytes may gather before they are collected.
const garbage = 8 << 20

// tidy collects garbage now, so that it isn't done while a request is under way: the prober's collector isn't what is
// measured.
func (r *runner) tidy() {
	allocated := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(allocated)
	if now := allocated[0].Value.Uint64(); r.tidied == 0 || now-r.tidied > garbage {
		runtime.GC()
		r.tidied = now
	}
}

func (r *runner) shuffled(stacks []int) []int {
	order := make([]int, len(stacks))
	for at, i := range r.random.Perm(len(stacks)) {
		order[at] = stacks[i]
	}
	return order
}

func (r *runner) turn(ctx context.Context, s Stack) (turn, error) {
	b := newTurn(r.Block)
	before, err := clocks(s.Processes)
	if err != nil {
		return b, err
	}
	began := time.Now()
	for i := range r.Settling + r.Block {
		seen, err := s.Request(ctx)
		if err != nil {
			return b, err
		}
		if i >= r.Settling {
			b.add(seen)
		}
	}
	r.wall += time.Since(began)
	after, err := clocks(s.Processes)
	if err != nil {
		return b, errors.Join(fmt.Errorf("process %d measures: a process ended meanwhile", os.Getpid()), err)
	}
	for i := range s.Processes {
		b.cpu += after[i] - before[i]
	}
	r.own += after[len(s.Processes)] - before[len(s.Processes)]
	b.requests = r.Settling + r.Block
	return b, nil
}
