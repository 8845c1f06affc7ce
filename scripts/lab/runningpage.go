package main

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"

	"redoubt.example/infra/topology"
	benchreport "redoubt.example/loadtest/report"
	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/hops"
	"redoubt.example/scripts/internal/labdir"
	"redoubt.example/scripts/internal/page"
	"redoubt.example/scripts/internal/sentinel"
)

// ownProgram is this program, also after `go run` has removed its file.
const ownProgram = "/proc/self/exe"

// listenPage takes the page's port, where the lab was started with a page.
func (l *runningLab) listenPage(ctx context.Context, claim *labdir.Claim, log *slog.Logger) error {
	if !l.plan.Page {
		return nil
	}
	top, err := topology.Load()
	if err != nil {
		return err
	}
	watching := sentinel.NewClient(l.stack.Sentinel())
	l.page, err = page.Listen(page.Config{
		Port: l.plan.PagePort, Topology: top, Log: log, Typed: l.plan.typed, Measured: func() (page.Measured, error) { return measuredRun(l.dir.Path()) },
		Run:    page.Program(ctx, ownProgram, l.dir.Path(), l.plan.typed),
		Status: l.Status, Alerts: watching.Alerts, Events: watching.Events,
		Sample: func(ctx context.Context) (hops.Sample, error) { return hops.Scrape(ctx, claim.RunDir, top.Names()) },
	})
	return err
}

var errNoPage = exit.Usagef("this lab was started without a page: `lab up` has one")

// PageLink implements control.Pager.
func (l *runningLab) PageLink(context.Context) (control.PageLink, error) {
	if l.page == nil {
		return control.PageLink{}, errNoPage
	}
	return l.page.Link(), nil
}

// typed is what the person who started the lab types for a verb.
func (p plan) typed(verb string) string { return p.Called + " " + verb + p.Flag }

// measuredRun is the lab's own matrix where `lab run` has left one in its folder, else the run that is kept in the repository.
func measuredRun(dir string) (page.Measured, error) {
	if result, err := benchreport.ReadFile(filepath.Join(dir, "bench.json")); err == nil && len(result.Profiles) > 1 {
		return page.Measured{Result: result, From: "the run that was made here last"}, nil
	}
	repo, err := repository()
	if err != nil {
		return page.Measured{}, err
	}
	result, err := benchreport.ReadFile(filepath.Join(repo, "loadtest", "report", "measured", "bench.json"))
	return page.Measured{Result: result, From: "the run that is kept in loadtest/report/measured"}, err
}

// PageLink implements control.Pager.
func (*containerLab) PageLink(context.Context) (control.PageLink, error) {
	return control.PageLink{}, exit.Usagef("a lab of containers has no page: its buttons do what containers that are built for release refuse")
}

func (l *runningLab) pageURL() string {
	if l.page == nil {
		return ""
	}
	return l.page.URL()
}

// withoutPage drops the page from what listens and nothing declares: it is the supervisor's.
func (l *runningLab) withoutPage(all []control.Listener) []control.Listener {
	return slices.DeleteFunc(all, func(s control.Listener) bool {
		return l.page != nil && s.Component == supervisorName && s.Protocol == "tcp" && s.Address == l.page.Address()
	})
}
