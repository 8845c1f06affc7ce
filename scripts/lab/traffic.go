package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"redoubt.example/infra/topology"
	"redoubt.example/scripts/internal/hops"
	"redoubt.example/scripts/internal/k6"
	"redoubt.example/scripts/internal/term"
)

// hopsSoFar and nothingBefore are what a run's figures are counted from: the requests of a lab that was up already
// are others', those of its start belong to a lab of our own.
func hopsSoFar(ctx context.Context, runDir string, services []string) (hops.Sample, error) {
	return hops.Scrape(ctx, runDir, services)
}

func nothingBefore(context.Context, string, []string) (hops.Sample, error) { return nil, nil }

// traffic runs k6 against the lab that is up, and compares the services' metrics before and after.
func (a *app) traffic(ctx context.Context, generator string, o runOptions,
	sampleBefore func(context.Context, string, []string) (hops.Sample, error)) (result runResult, err error) {
	top, err := topology.Load()
	if err != nil {
		return result, err
	}
	client, record, status, err := a.ready(ctx)
	if err != nil {
		return result, err
	}
	repo, err := repository()
	if err != nil {
		return result, err
	}
	target := k6.Target{Gateway: status.GatewayURL, Tokens: map[string]string{}}
	for user := range top.Users {
		if target.Tokens[user], err = client.Token(ctx, user, nil); err != nil {
			return result, fmt.Errorf("get a token of %s: %w", user, err)
		}
	}
	scratch, err := os.MkdirTemp(record.RunDir, "run-")
	if err != nil {
		return result, err
	}
	defer os.RemoveAll(scratch)
	before, err := sampleBefore(ctx, record.RunDir, top.Names())
	if err != nil {
		return result, err
	}
	progress := term.NewProgress(os.Stderr)
	defer progress.Close()
	task := progress.Task("k6", fmt.Sprintf("sending for %s", o.duration))
	defer task.End("")
	result.Client, err = k6.Run{
		Path: generator, Scenario: filepath.Join(repo, "loadtest", "scenarios", "smoke.js"), Target: target,
		CAFile: status.CAFile, Scratch: scratch, Duration: o.duration, Rate: o.rate,
	}.Do(ctx)
	if err != nil {
		return result, err
	}
	after, err := hops.Scrape(ctx, record.RunDir, top.Names())
	if err != nil {
		return result, err
	}
	result.Hops = hops.Between(before, after)
	result.Problems = append([]string{}, hops.Problems(result.Hops, hops.Expect(top, before == nil))...) // [] in JSON, not null
	result.Problems = append(result.Problems, result.Client.Problems()...)
	result.Passed = len(result.Problems) == 0
	return result, nil
}
