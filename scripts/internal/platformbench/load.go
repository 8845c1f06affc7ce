package platformbench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"redoubt.example/infra/topology"
	"redoubt.example/loadtest/report"
	"redoubt.example/scripts/internal/hops"
	"redoubt.example/scripts/internal/k6"
	"redoubt.example/scripts/internal/load"
)

const (
	// loadShare of what a profile answers at saturation is what k6 sends: a rate well below it.
	loadShare = 0.25
	leastLoad = 4 // iterations per second: a scenario's kinds each have one at least
)

// load has k6 send at a constant arrival rate, and reads the gateway's own histogram of the same requests.
func (r *run) load(ctx context.Context, l *Lab, saturation float64) error {
	if r.cfg.Plan.Load == 0 || saturation == 0 {
		return nil
	}
	top, err := topology.Load()
	if err != nil {
		return err
	}
	target := k6.Target{Gateway: l.Status.GatewayURL, Tokens: map[string]string{}}
	for user := range top.Users {
		if target.Tokens[user], err = l.Token(ctx, user); err != nil {
			return err
		}
	}
	scratch, err := os.MkdirTemp(r.cfg.Scratch, "k6-")
	if err != nil {
		return err
	}
	rate := max(leastLoad, int(loadShare*saturation))
	r.cfg.Say(fmt.Sprintf("%s: k6, %d iterations a second", l.Name, rate))
	before, err := hops.Scrape(ctx, l.Record.RunDir, []string{"gateway"})
	if err != nil {
		return err
	}
	client, err := k6.Run{Path: r.cfg.K6, Scenario: filepath.Join(r.cfg.Lab.Repo, "loadtest", "scenarios", "steady.js"), Target: target,
		CAFile: l.Status.CAFile, Scratch: scratch, Duration: r.cfg.Plan.Load, Rate: rate}.Do(ctx)
	if err != nil {
		return err
	}
	after, err := hops.Scrape(ctx, l.Record.RunDir, []string{"gateway"})
	if err != nil {
		return err
	}
	steady, _ := load.Find("steady")
	for _, problem := range load.Judge(steady, client) {
		r.note(fmt.Sprintf("k6 and %s: %s", l.Name, problem))
	}
	own := hops.Total(before, after)
	const micro = 1e6
	r.result.Load = append(r.result.Load, report.Load{Profile: l.Name, Rate: round(client.Rate), Saturation: saturation, Requests: int(client.Requests),
		Dropped: int(client.Dropped), P50: round(client.P50 * micro), P90: round(client.P90 * micro), P99: round(client.P99 * micro),
		ServiceP50: round(hops.Quantile(own, 0.5) * micro), ServiceP99: round(hops.Quantile(own, 0.99) * micro), Served: int(own.Count)})
	return nil
}
