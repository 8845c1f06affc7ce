package benchproof

import (
	"context"
	"fmt"
	"math"
	"time"

	"redoubt.example/loadtest/bench"
)

// coverage: of many short comparisons of the service with itself, 95 of 100 intervals hold zero.
func (p proof) coverage(ctx context.Context) error {
	for _, harness := range []string{Sound, Unpaired} {
		n := p.comparisons
		if harness == Unpaired {
			n = p.broken
		}
		chain := p.near()
		defer chain.Close()
		held := 0
		for i := range n {
			if i%20 == 0 {
				p.Say(fmt.Sprintf("%s: comparing the service with itself, %d of %d", harness, i, n))
			}
			found, err := as(harness, bench.Comparison{Stacks: stacks(chain, bench.Way{Hops: 1, Drift: true}), Seed: p.Seed + uint64(i),
				Block: 5, Settling: 1, Rounds: 20, WarmUp: -1}).Run(ctx)
			if err != nil {
				return err
			}
			if found.Median(1, 0.95).Contains(0) {
				held++
			}
		}
		p.add(Check{Harness: harness, What: "zero is in 95 % intervals", Found: 100 * float64(held) / float64(n),
			Low: p.scale.coverage[0], High: p.scale.coverage[1], Unit: "%", Detail: fmt.Sprintf("%d of %d A/A", held, n)})
	}
	return nil
}

// slowdown: one hop of two that is 5 % slower is found, and nothing at the other.
func (p proof) slowdown(ctx context.Context) error {
	const hop = 2
	chain := p.far()
	defer chain.Close()
	usual, err := bench.Comparison{Stacks: stacks(chain, bench.Way{Hops: 1}), Rounds: 40}.Run(ctx)
	if err != nil {
		return err
	}
	delay := time.Duration(usual.Own(0, 0.5) * 0.05 * float64(time.Microsecond))
	for _, harness := range []string{Sound, Unpaired} {
		right, tries := 0, 0
		for i := range p.slowdowns {
			p.Say(fmt.Sprintf("%s: looking for a hop that is 5 %% slower, %d of %d", harness, i, p.slowdowns))
			found, err := as(harness, bench.Comparison{Stacks: stacks(chain, bench.Way{Hops: 2, DelayAt: hop, Delay: delay, Drift: true}),
				For: p.each, Narrow: delay.Seconds() * 1e6 / 3, Seed: p.Seed + uint64(i)}).Run(ctx)
			if err != nil {
				return err
			}
			tries++
			if d := found.Median(1, 0.95); d.Low > 0 && d.Value < 3*delay.Seconds()*1e6 && slowest(found) == "2" {
				right++
			} else if lost := tries - right; harness != Sound && lost > p.slowdowns-p.found {
				break // it can't meet the figure any more
			}
		}
		p.add(Check{Harness: harness, What: "hop 5 % slower is named", Found: float64(right), Low: float64(p.found),
			High: float64(p.slowdowns), Unit: fmt.Sprintf("of %d", p.slowdowns),
			Detail: fmt.Sprintf("%d tried, %.1f us of %.1f", tries, delay.Seconds()*1e6, usual.Own(0, 0.5))})
	}
	return nil
}

// slowest is the hop whose own time grew most.
func slowest(found *bench.Comparisons) (hop string) {
	most := math.Inf(-1)
	for _, part := range found.Parts(1) {
		if part.Control == "own" {
			if d := found.PartMedian(1, part, 0.95); d.Value > most {
				hop, most = part.Hop, d.Value
			}
		}
	}
	return hop
}

// truth is how long the delay really was, by the injector's own clock.
func truth(found *bench.Comparisons, hop string) float64 {
	injected := bench.Part{Hop: hop, Control: "injected"}
	return found.OwnPart(1, injected, 0.5) - found.OwnPart(0, injected, 0.5)
}

// delays that have to come back, at hop 2 of 2.
var delays = []time.Duration{5 * time.Microsecond, 20 * time.Microsecond, 100 * time.Microsecond}

// calibration: what the ledger finds at the delay's hop is the delay. What the client's total makes of it is printed
// beside: on a busy machine waiting longer also means being woken later.
func (p proof) calibration(ctx context.Context) error {
	for _, harness := range []string{Sound, Unpaired} {
		chain := p.far()
		defer chain.Close()
		var ledger, totals []bench.Known
		right := 0
		for i := range p.repetitions {
			if harness != Sound && right < len(ledger) {
				break // it can't have all of them right any more
			}
			for _, delay := range delays {
				p.Say(fmt.Sprintf("%s: recovering %s, %d of %d", harness, delay, i, p.repetitions))
				found, err := as(harness, bench.Comparison{Stacks: stacks(chain, bench.Way{Hops: 2, DelayAt: 2, Delay: delay, Drift: true}),
					For: p.each, Narrow: 1, Seed: p.Seed + uint64(i)}).Run(ctx)
				if err != nil {
					return err
				}
				k := bench.Known{Injected: truth(found, "2"), Recovered: found.PartMedian(1, own("2"), 0.95).Value}
				if k.Right() && slowest(found) == "2" {
					right++
				}
				ledger = append(ledger, k)
				totals = append(totals, bench.Known{Injected: k.Injected, Recovered: found.Median(1, 0.95).Value})
			}
		}
		slope, of := bench.Slope(ledger, 0.95), p.repetitions*len(delays)
		if harness == Sound { // a broken one may have it right by luck, but not each delay
			p.add(Check{Harness: harness, What: "slope of recovered delays", Found: slope.Value, Low: 1 - p.slope, High: 1 + p.slope,
				Detail: fmt.Sprintf("95 %% %.3f to %.3f; of totals %.2f", slope.Low, slope.High, bench.Slope(totals, 0.95).Value)})
		}
		p.add(Check{Harness: harness, What: "right to 5 us or 10 %", Found: float64(right), Low: float64(of), High: float64(of),
			Unit: fmt.Sprintf("of %d", of), Detail: errorsOf(ledger)})
	}
	return nil
}

// own is a hop's own time.
func own(hop string) bench.Part { return bench.Part{Hop: hop, Control: "own"} }

// errorsOf says how far each delay came back from what it was, on average.
func errorsOf(points []bench.Known) (text string) {
	for i, delay := range delays {
		off, n := 0.0, 0
		for at := i; at < len(points); at += len(delays) {
			off, n = off+points[at].Recovered-points[at].Injected, n+1
		}
		text += fmt.Sprintf("%.0f%+.1f ", delay.Seconds()*1e6, off/float64(max(n, 1)))
	}
	return text + "us"
}

// resolution: the least that can be told from nothing, on one hop.
func (p proof) resolution(ctx context.Context) error {
	p.Say(fmt.Sprintf("resolving %s on one hop", p.smallest))
	chain := p.near()
	defer chain.Close()
	reach := p.smallest.Seconds() * 1e6
	found, err := bench.Comparison{Stacks: stacks(chain, bench.Way{Hops: 1, DelayAt: 1, Delay: p.smallest}),
		For: p.smallestFor, Narrow: reach / 3, Seed: p.Seed}.Run(ctx)
	if err != nil {
		return err
	}
	d, truth := found.PartMedian(1, own("1"), 0.95), truth(found, "1")
	value := d.Value
	if d.Low <= 0 { // not told from nothing
		value = 0
	}
	p.add(Check{Harness: Sound, What: fmt.Sprintf("%.0f us at one hop", reach), Found: value, Low: truth - reach/2, High: truth + reach/2,
		Unit: "us", Detail: fmt.Sprintf("%.2f to %.2f, truth %.2f, total's %.2f", d.Low, d.High, truth, found.Median(1, 0.95).Value)})
	return nil
}

// The service stands still for the first part of each period. Of those who come at any time, stands/period wait, evenly up
// to stands: so much the p99 is known.
const (
	period, stands = time.Second, 100 * time.Millisecond
	rate           = 200.0
	inFlight       = 100
)

func (p proof) omission(ctx context.Context) error {
	truth := (stands.Seconds() - 0.01*period.Seconds()) * 1e3
	for harness, omit := range map[string]bool{Sound: false, Omitting: true} {
		p.Say(fmt.Sprintf("%s: a service that stands still for %s each second", harness, stands))
		chains := make(chan *bench.Chain, inFlight)
		for range inFlight {
			chain := p.near()
			defer chain.Close()
			chains <- chain
		}
		seen, err := bench.OpenLoop{Rate: rate, For: p.arrivals, InFlight: inFlight, Omit: omit, Request: func(ctx context.Context) error {
			chain := <-chains
			defer func() { chains <- chain }()
			_, err := chain.Request(ctx, bench.Way{Hops: 1, Pause: fmt.Sprintf("%d=%d", period.Milliseconds(), stands.Milliseconds())})
			return err
		}}.Run(ctx)
		if err != nil {
			return err
		}
		p.add(Check{Harness: harness, What: "p99 of who met a pause", Found: bench.QuantileOf(0.99, seen.Took) / 1e3,
			Low: truth * (1 - p.tail), High: truth * (1 + p.tail), Unit: "ms",
			Detail: fmt.Sprintf("%d arrivals, truth %.0f ms", len(seen.Took), truth)})
	}
	return nil
}
