package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"redoubt.example/loadtest/bench"
	benchreport "redoubt.example/loadtest/report"
	"redoubt.example/loadtest/report/page"
	"redoubt.example/scripts/internal/platformbench"
)

// matrixSeconds is how long the matrix of `lab run` is measured, without starting labs: each comparison takes the least that
// gives an interval, which is about that.
const matrixSeconds = 20

// matrix measures the profiles in short, prints what came out, and leaves the report in the lab's folder. Its figures don't
// fail the run, whose question was another; but where they aren't to be believed, it says so.
func (a *app) matrix(ctx context.Context, within time.Duration) error {
	fmt.Fprintf(os.Stderr, "\nwhat does each profile of controls cost? about %s; --no-matrix leaves it out\n", within)
	result, _, err := a.runPlatformBench(ctx, benchOptions{seconds: matrixSeconds, quick: true, within: within, state: string(bench.KeptAwake), profiles: platformbench.Profiles})
	if err != nil {
		return fmt.Errorf("measure the profiles: %w", err)
	}
	dir, err := a.dir()
	if err != nil {
		return err
	}
	html, figures := filepath.Join(dir.Path(), "bench.html"), filepath.Join(dir.Path(), "bench.json")
	if err := writeBenchFile(html, func(w io.Writer) error { return page.Write(w, result, nil) }); err != nil {
		return err
	}
	if err := writeBenchFile(figures, result.Write); err != nil {
		return err
	}
	text := os.Stdout
	if a.json { // standard output is the run's own result
		text = os.Stderr
	}
	fmt.Fprintln(text)
	if err := benchreport.Table(text, result); err != nil {
		return err
	}
	_, err = fmt.Fprintf(text, "the report: %s (its figures: %s); `lab bench` takes its time and measures more\n", html, figures)
	return err
}
