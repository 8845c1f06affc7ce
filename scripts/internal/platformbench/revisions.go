package platformbench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"redoubt.example/loadtest/report"
)

// Checkout makes a checkout of a revision of the repository in a new folder, and builds its lab there. remove takes
// both away.
func Checkout(ctx context.Context, repo, folder, revision string) (p Program, remove func() error, err error) {
	name, err := git(ctx, repo, "rev-parse", "--verify", "--quiet", "--end-of-options", revision+"^{commit}")
	if err != nil {
		return p, nil, fmt.Errorf("there is no revision %q", revision)
	}
	p = Program{Path: filepath.Join(folder, "lab-"+name[:12]), Repo: filepath.Join(folder, name[:12])}
	if _, err := git(ctx, repo, "worktree", "add", "--detach", p.Repo, name); err != nil {
		return p, nil, err
	}
	remove = func() error {
		_, err := git(context.WithoutCancel(ctx), repo, "worktree", "remove", "--force", p.Repo)
		return errors.Join(err, os.Remove(p.Path))
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", p.Path, "./scripts/lab")
	build.Dir = p.Repo
	if out, err := build.CombinedOutput(); err != nil {
		_, removed := git(context.WithoutCancel(ctx), repo, "worktree", "remove", "--force", p.Repo)
		return p, nil, errors.Join(fmt.Errorf("build the lab of %s: %w: %s", revision, err, out), removed)
	}
	return p, remove, nil
}

func git(ctx context.Context, repo string, args ...string) (string, error) {
	text, err := exec.CommandContext(ctx, "git", append([]string{"-C", repo}, args...)...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(string(text)))
	}
	return strings.TrimSpace(string(text)), nil
}

// Against compares the layered platform of another revision with this one's, side by side on the same machine. Where both give
// their ledgers back, each control at each hop is compared too.
func Against(ctx context.Context, cfg Config, before Program) (measures []report.Measure, err error) {
	r := newRun(cfg, &report.Result{})
	defer func() { err = errors.Join(err, r.stopAll()) }()
	leave, err := cfg.State.Enter(ctx, cfg.Background)
	if err != nil {
		return nil, err
	}
	defer leave()
	labs, err := r.start(ctx, Setup{Name: "before", Program: before, Sync: true}, Setup{Name: "now", Sync: true})
	if err != nil {
		return nil, err
	}
	found, err := r.compare(ctx, "now beside before", cfg.Plan.Against/2, labs)
	if err != nil {
		return nil, err
	}
	measures = append(measures, report.Measure{What: "latency, p50", Profile: layered, Was: round(found.Own(0, 0.5)), Diff: round(found.Median(1, 0.95).Value),
		CI95: interval(found.Median(1, 0.95))})
	for _, q := range []float64{0.9, 0.99} {
		if d, known := found.Quantile(1, q, 0.95); known {
			measures = append(measures, report.Measure{What: fmt.Sprintf("latency, p%.0f", 100*q), Profile: layered, Was: round(found.Own(0, q)),
				Diff: round(d.Value), CI95: interval(d)})
		}
	}
	for _, l := range labs {
		if _, err := l.Token(ctx, honest, append(storeDocument.Scopes, ledgerScopes...)...); err != nil {
			return measures, nil // a revision without ledgers
		}
	}
	ledgers, err := r.ledgers(ctx, "ledgers, now beside before", cfg.Plan.Against/2, labs)
	if err != nil {
		return measures, err
	}
	for _, p := range ledgers.Parts(0) {
		if p == residual || strings.HasPrefix(p.Control, injected) {
			continue
		}
		d := ledgers.PartMedian(1, p, 0.95)
		measures = append(measures, report.Measure{What: "time", Profile: layered, Hop: p.Hop, Control: p.Control, Was: round(ledgers.OwnPart(0, p, 0.5)),
			Diff: round(d.Value), CI95: interval(d)})
	}
	return measures, nil
}
