// Package gatewaybench measures what the gateway's controls cost: one by one from the request's ledger, and all of them
// by requests that take turns through the gateway with and without them and through two bare reverse proxies, all with
// the same TLS and the same upstream.
package gatewaybench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"redoubt.example/loadtest/bench"
	"redoubt.example/scripts/internal/meshbench"
)

// Config says what to measure, and with which programs.
type Config struct {
	Bin      string // the folder of Programs
	Contract string // gateway/openapi.yaml
	State    bench.State
	Seconds  int              // about how long the measuring takes in all
	Say      func(now string) // progress
}

// Programs are the packages that have to be built, from the repository's root.
var Programs = []string{"./gateway/internal/edgetest", "./loadtest/bench/background"}

// The ways, in the order of the table. The first is what the others are compared with.
const (
	reverseProxy = "httputil.ReverseProxy"
	echoProxy    = "Echo reverse proxy"
	off          = "gateway, controls off"
	on           = "gateway, all but the WAF"
	withWAF      = "gateway"
)

var ways = []struct{ name, mode string }{{reverseProxy, "reverseproxy"}, {echoProxy, "echo"}, {off, "off"}, {on, "on"}, {withWAF, "waf"}}

// How the time is shared out: to latency, for each kind of request, and the rest to saturation.
const (
	latencyShare = 0.7
	injected     = 50 * time.Microsecond
	tolerance    = 10.0 // microseconds that a known delay may come back wrong, or a tenth of it
)

// Run sets everything up, measures, and takes everything down.
func Run(ctx context.Context, cfg Config) (result Result, err error) {
	began := time.Now()
	cfg.Say("starting")
	r, err := newRig(ctx, cfg)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	leave, err := cfg.State.Enter(ctx, r.program("background"))
	if err != nil {
		return result, err
	}
	defer leave()
	result = Result{State: cfg.State, Machine: meshbench.ThisMachine()}
	budget := time.Duration(cfg.Seconds) * time.Second
	for _, k := range r.kinds() {
		if err := r.latency(ctx, k, time.Duration(latencyShare*float64(budget))/time.Duration(len(r.kinds())), &result); err != nil {
			return result, err
		}
	}
	cfg.Say("saturation")
	if err := r.saturation(ctx, budget-time.Duration(latencyShare*float64(budget)), &result); err != nil {
		return result, err
	}
	cfg.Say("the ledger")
	if result.Controls, err = r.controls(ctx); err != nil {
		return result, err
	}
	result.Seconds = time.Since(began).Round(100 * time.Millisecond).Seconds()
	return result, nil
}

// latency compares the ways for one kind of request.
func (r *rig) latency(ctx context.Context, k kind, during time.Duration, into *Result) error {
	targets := r.targets(k)
	again := targets[0]
	again.Name = reverseProxy + " again"
	rested, delayed, truth := bench.Delayed(targets[0], injected)
	samples, err := bench.Probe{Targets: append(targets, again, rested, delayed), For: during, Seed: uint64(time.Now().UnixNano()), Block: 10,
		Progress: func(part float64) { r.cfg.Say(fmt.Sprintf("%s: %.0f %%", k.name, 100*part)) }}.Run(ctx)
	if err != nil {
		return err
	}
	base := samples[0]
	for i, way := range ways {
		row := Row{Name: way.name, Request: k.name, Requests: samples[i].Requests(), P50: round(samples[i].Quantile(0.5)), P99: round(samples[i].Quantile(0.99))}
		if i > 0 {
			row.AddedP50 = difference(bench.MedianDifference(samples[i], base, 0.95))
			row.AddedP99 = difference(bench.QuantileDifference(0.99, samples[i], base, 0.95))
		}
		into.Rows = append(into.Rows, row)
	}
	at := func(name string) bench.Samples {
		for i, way := range ways {
			if way.name == name {
				return samples[i]
			}
		}
		panic("no way " + name)
	}
	into.Costs = append(into.Costs,
		Cost{Request: k.name, What: "all controls but the WAF", P50: difference(bench.MedianDifference(at(on), at(off), 0.95)), Target: controlsTarget},
		Cost{Request: k.name, What: "the WAF", P50: difference(bench.MedianDifference(at(withWAF), at(on), 0.95))},
		Cost{Request: k.name, What: "the gateway without its controls", P50: difference(bench.MedianDifference(at(off), base, 0.95))})
	same := bench.MedianDifference(samples[len(ways)], base, 0.999)
	if !same.Contains(0) {
		into.Problems = append(into.Problems, fmt.Sprintf("%s: the reverse proxy differs from itself by %.1f us (%.1f to %.1f)", k.name, same.Value, same.Low, same.High))
	}
	found := bench.MedianDifference(samples[len(ways)+2], samples[len(ways)+1], 0.95)
	if miss := found.Value - truth(); miss > max(tolerance, truth()/10) || -miss > max(tolerance, truth()/10) {
		into.Problems = append(into.Problems, fmt.Sprintf("%s: a delay of %.1f us was measured as %.1f", k.name, truth(), found.Value))
	}
	into.Checks = append(into.Checks, Check{Request: k.name, AA: difference(same), Injected: round(truth()), Recovered: round(found.Value)})
	return nil
}
