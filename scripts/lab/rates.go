package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"redoubt.example/infra/topology"
	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/hops"
	"redoubt.example/scripts/internal/page"
	"redoubt.example/scripts/internal/term"
)

const mostRated = 10 * time.Minute

// rated is the JSON of `lab rates`: what the page's map shows, of any length of time.
type rated struct {
	Seconds float64     `json:"seconds"`
	Edges   []page.Edge `json:"edges"`
}

func (a *app) rates() *cobra.Command {
	var span time.Duration
	cmd := &cobra.Command{
		Use:     "rates",
		GroupID: groupLook,
		Short:   "What crosses each connection now: requests a second, refusals, failures, latency",
		Long: `Watch for a moment, and say what crossed each connection: requests a second by caller, callee and route, how many of them
were refused (400 to 499) and failed (500 and above), and their latency. It sends nothing itself.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if span < 100*time.Millisecond || span > mostRated {
				return exit.Usagef("it watches for 100ms to %s", mostRated)
			}
			return a.showRates(cmd.Context(), span)
		},
	}
	cmd.Flags().DurationVar(&span, "for", 2*time.Second, "how long to watch")
	return cmd
}

func (a *app) showRates(ctx context.Context, span time.Duration) error {
	_, record, status, err := a.ready(ctx)
	if err != nil {
		return err
	}
	if status.Engine == control.Docker {
		return exit.Usagef("a lab of containers gives its figures to Prometheus: lab up --engine docker --with observability")
	}
	top, err := topology.Load()
	if err != nil {
		return err
	}
	before, err := hops.Scrape(ctx, record.RunDir, top.Names())
	if err != nil {
		return err
	}
	began := time.Now()
	select {
	case <-time.After(span):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	after, err := hops.Scrape(ctx, record.RunDir, top.Names())
	if err != nil {
		return err
	}
	took := time.Since(began)
	r := rated{took.Seconds(), page.Edges(before, after, took)}
	table := &term.Table{Headers: []string{"connection", "~route", ">req/s", ">refused/s", ">failed/s", ">p50 ms", ">p99 ms"}}
	for _, e := range r.Edges {
		if e.Rate == 0 {
			continue
		}
		failed := term.Text(fmt.Sprintf("%.1f", e.Failed))
		if e.Failed > 0 {
			failed.Style = term.Bad
		}
		table.Add(term.Text(e.Caller+" -> "+e.Callee), term.Text(e.Route), term.Text(fmt.Sprintf("%.1f", e.Rate)), term.Text(fmt.Sprintf("%.1f", e.Refused)), failed,
			term.Text(fmt.Sprintf("%.2f", 1000*e.P50)), term.Text(fmt.Sprintf("%.2f", 1000*e.P99)))
	}
	return a.output().Table(r, table)
}
