package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// connectors open connections at the same time.
const connectors = 4

// ConnectionRates tells how many connections per second each target takes, with one request on each. Targets take
// turns in random order; the rate is the median of a target's turns.
func ConnectionRates(ctx context.Context, targets []Target, turns int, each time.Duration, seed uint64) ([]float64, error) {
	return inTurns(ctx, len(targets), turns, seed, func(i int) (float64, error) { return connect(ctx, targets[i], each) })
}

// Throughputs tells how many bytes per second of one large answer each target carries, measured likewise.
func Throughputs(ctx context.Context, targets []Target, turns int, size int64, seed uint64) ([]float64, error) {
	return inTurns(ctx, len(targets), turns, seed, func(i int) (float64, error) {
		way, err := dial(ctx, targets[i])
		if err != nil {
			return 0, err
		}
		defer way.close()
		if _, err := way.exchange(); err != nil {
			return 0, fmt.Errorf("request to %s: %w", targets[i].Name, err)
		}
		rate, err := way.download(size)
		if err != nil {
			return 0, fmt.Errorf("large body through %s: %w", targets[i].Name, err)
		}
		return rate, nil
	})
}

func inTurns(ctx context.Context, n, turns int, seed uint64, measure func(i int) (float64, error)) ([]float64, error) {
	random := rand.New(rand.NewPCG(seed, 2))
	found := make([][]float64, n)
	for range turns {
		for _, i := range random.Perm(n) {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			rate, err := measure(i)
			if err != nil {
				return nil, err
			}
			found[i] = append(found[i], rate)
		}
	}
	medians := make([]float64, n)
	for i, rates := range found {
		slices.Sort(rates)
		medians[i] = (rates[(len(rates)-1)/2] + rates[len(rates)/2]) / 2
	}
	return medians, nil
}

// connect opens connections for a while, one after the other by each connector.
func connect(ctx context.Context, t Target, during time.Duration) (perSecond float64, err error) {
	var group sync.WaitGroup
	counts, errs := make([]int, connectors), make([]error, connectors)
	began := time.Now()
	for i := range connectors {
		group.Go(func() {
			for errs[i] == nil && time.Since(began) < during {
				if errs[i] = t.Check(ctx); errs[i] == nil {
					counts[i]++
				}
			}
		})
	}
	group.Wait()
	took := time.Since(began)
	total := 0
	for i := range connectors {
		if errs[i] != nil {
			return 0, fmt.Errorf("new connections: %w", errs[i])
		}
		total += counts[i]
	}
	return float64(total) / took.Seconds(), nil
}
