package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"redoubt.example/infra/topology"
	"redoubt.example/scripts/internal/control"
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
		Port: l.plan.PagePort, Topology: top, Log: log, Command: l.plan.Called,
		Run:    page.Program(ctx, ownProgram, l.dir.Path(), l.plan.Called),
		Status: l.Status, Alerts: watching.Alerts, Events: watching.Events,
		Sample: func(ctx context.Context) (hops.Sample, error) { return hops.Scrape(ctx, claim.RunDir, top.Names()) },
	})
	return err
}

// PageLink implements control.Pager.
func (l *runningLab) PageLink(context.Context) (control.PageLink, error) {
	if l.page == nil {
		return control.PageLink{}, errors.New("this lab was started without a page: `lab up` has one")
	}
	return l.page.Link(), nil
}

// PageLink implements control.Pager.
func (*containerLab) PageLink(context.Context) (control.PageLink, error) {
	return control.PageLink{}, errors.New("a lab of containers has no page")
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
