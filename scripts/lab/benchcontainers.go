package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"redoubt.example/loadtest/bench"
	"redoubt.example/scripts/internal/containers"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/platformbench"
	"redoubt.example/scripts/internal/term"
)

const containersSeconds = 120

func (a *app) benchContainers() *cobra.Command {
	var seconds int
	cmd := &cobra.Command{
		Use:   "containers",
		Short: "What an engine adds to a request: the platform in containers beside the same in processes",
		Long: `Measure what running in containers adds to a request, in microseconds. Three whole platforms of the profile layered run side by
side: processes, processes again, and containers with the images of ` + "`lab images`" + `. One prober alternates between them in short random
blocks, for a request that crosses every service and for one that only reads; processors are kept awake. Processes beside processes must show
nothing: a run where they do fails.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if seconds < 1 || seconds > 3600 {
				return exit.Usagef("it measures for 1 to 3600 seconds, not %d", seconds)
			}
			if err := containers.Check(cmd.Context()); err != nil {
				return err
			}
			return a.measureContainers(cmd.Context(), time.Duration(seconds)*time.Second)
		},
	}
	cmd.Flags().IntVar(&seconds, "seconds", containersSeconds, "how long to measure; starting the platforms comes on top")
	return cmd
}

func (a *app) measureContainers(ctx context.Context, during time.Duration) error {
	found, err := a.runContainersBench(ctx, during)
	if ctx.Err() != nil {
		return errors.New("interrupted; everything is stopped")
	}
	if err != nil {
		return err
	}
	out := a.output()
	if err := out.Print(found, func(w io.Writer) error { return writeContainersBench(w, out, found) }); err != nil {
		return err
	}
	if problem := found.Problem(); problem != "" {
		return errors.New("don't believe this run: " + problem)
	}
	return nil
}

func (a *app) runContainersBench(ctx context.Context, during time.Duration) (found platformbench.InContainers, err error) {
	if _, err := a.makeImages(ctx, imagePlan{}); err != nil {
		return found, err
	}
	repo, cache, err := checkout()
	if err != nil {
		return found, err
	}
	progress := term.NewProgress(os.Stderr)
	defer progress.Close()
	if _, err := cache.All(ctx, repo, progress); err != nil { // once, and not by two labs at the same time
		return found, err
	}
	bin, err := cache.Programs(ctx, repo, progress, "./loadtest/bench/background")
	if err != nil {
		return found, err
	}
	cfg := platformbench.Config{State: bench.KeptAwake, Background: filepath.Join(bin, "background")}
	cfg.Lab.Repo = repo
	if cfg.Lab.Path, err = os.Executable(); err != nil {
		return found, err
	}
	if cfg.Scratch, err = os.MkdirTemp("", "redoubt-bench-"); err != nil {
		return found, err
	}
	defer os.RemoveAll(cfg.Scratch)
	task := progress.Task("bench", "starting")
	defer task.End("")
	cfg.Say = func(now string) { task.Say("%s", now) }
	return platformbench.RunContainers(ctx, cfg, during)
}

func writeContainersBench(w io.Writer, out term.Output, found platformbench.InContainers) error {
	table := &term.Table{Headers: []string{"microseconds", ">processes", ">containers", ">95 %", ">processes again", ">99.9 %"}}
	for _, r := range found.Requests {
		table.Add(term.Text(r.Request), micros("", r.Processes), micros("+", r.P50), micros("+", r.CI95[:]...), micros("+", r.AA.Diff), micros("+", r.AA.CI999[:]...))
	}
	if err := table.Write(w, out.Colour); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s; %s, %d processors, %s, %s; %.0f s\n", found.State, found.Machine.Model, found.Machine.Processors, found.Machine.OS,
		found.Machine.Go, found.Seconds)
	return err
}
