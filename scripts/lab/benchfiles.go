package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/pflag"

	benchreport "redoubt.example/loadtest/report"
)

// benchFiles are the files that other programs take a benchmark's result from.
type benchFiles struct{ markdown, junit, benchstat, tracking string }

func (f *benchFiles) flags(flags *pflag.FlagSet) {
	flags.StringVar(&f.markdown, "markdown", "", "write the result as Markdown to this file, too: a job's summary")
	flags.StringVar(&f.junit, "junit", "", "write the verdicts as JUnit XML to this file, too")
	flags.StringVar(&f.benchstat, "benchstat", "", "write the figures to this file, too, as benchstat reads them")
	flags.StringVar(&f.tracking, "smaller-is-better", "", "write the figures to this file, too, as customSmallerIsBetter JSON: for tracking over time")
}

func (f benchFiles) write(r benchreport.Result, c *benchreport.Comparison) error {
	return errors.Join(
		writeBenchFile(f.markdown, func(w io.Writer) error { return benchreport.Markdown(w, r, c) }),
		writeBenchFile(f.junit, func(w io.Writer) error { return benchreport.JUnit(w, r, c) }),
		writeBenchFile(f.benchstat, func(w io.Writer) error { return benchreport.Benchstat(w, r) }),
		writeBenchFile(f.tracking, func(w io.Writer) error { return benchreport.Tracking(w, r) }),
	)
}

func writeBenchFile(path string, write func(io.Writer) error) error {
	if path == "" {
		return nil
	}
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return errors.Join(write(file), file.Close())
}
