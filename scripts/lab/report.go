package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	benchreport "redoubt.example/loadtest/report"
	"redoubt.example/loadtest/report/page"
	"redoubt.example/scripts/internal/attack"
	"redoubt.example/scripts/internal/exit"
)

type reportOptions struct {
	baseline, html, frontier string
	tolerance                benchreport.Tolerance
	files                    benchFiles
	attacks                  string
}

func (a *app) report() *cobra.Command {
	o := reportOptions{tolerance: benchreport.DefaultTolerance}
	cmd := &cobra.Command{
		Use:     "report FILE.json",
		GroupID: groupRun,
		Short:   "Show what a benchmark run found, and write it in other formats",
		Long: `Show the result that ` + "`lab bench -o FILE.json`" + ` wrote: the matrix here, and with --html a report for the browser, one
file that needs no network. With --baseline it is compared with an earlier result, and a regression fails: a measure that got
worse beyond its interval and the tolerance, corrected for the number of measures (Holm), or an attack that is no longer
stopped. It measures nothing and needs no lab.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if t := o.tolerance; t.Share < 0 || t.Share > 10 || t.Micros < 0 || t.Micros > 1e6 {
				return exit.Usagef("a tolerance is 0 to 10 times what it was, and 0 to 1000000 microseconds")
			}
			return a.showReport(args[0], o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.baseline, "baseline", "", "compare with this earlier result")
	flags.Float64Var(&o.tolerance.Share, "tolerance", o.tolerance.Share, "how much worse a measure may get, as a share of what it was")
	flags.Float64Var(&o.tolerance.Micros, "tolerance-us", o.tolerance.Micros, "and how many microseconds, if that is more")
	flags.StringVar(&o.attacks, "attacks", "", "put how fast attacks were found beside it, as lab attack run --detect -o FILE.json wrote it")
	flags.StringVar(&o.html, "html", "", "write the report for the browser to this file")
	flags.StringVar(&o.frontier, "frontier", "", "write its first plot, attacks stopped against latency added, to this file, as SVG")
	o.files.flags(flags)
	return cmd
}

func (a *app) showReport(path string, o reportOptions) error {
	result, err := readResult(path)
	if err != nil {
		return err
	}
	if o.attacks != "" {
		if result.Detected, err = readDetected(o.attacks); err != nil {
			return err
		}
	}
	var compared *benchreport.Comparison
	if o.baseline != "" {
		before, err := readResult(o.baseline)
		if err != nil {
			return err
		}
		c := benchreport.Compare(before, result, o.tolerance)
		compared = &c
	}
	html := writeBenchFile(o.html, func(w io.Writer) error { return page.Write(w, result, compared) })
	frontier := writeBenchFile(o.frontier, func(w io.Writer) error { return page.Frontier(w, result) })
	if errors.Is(frontier, page.ErrNoFrontier) {
		return exit.Usagef("%s: %w", path, frontier)
	}
	if err := errors.Join(html, frontier, o.files.write(result, compared)); err != nil {
		return err
	}
	if err := a.output().Print(result, func(w io.Writer) error {
		if err := benchreport.Table(w, result); err != nil || compared == nil {
			return err
		}
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
		return compared.Table(w)
	}); err != nil {
		return err
	}
	if compared != nil {
		return compared.Err()
	}
	return nil
}

func readResult(path string) (benchreport.Result, error) {
	result, err := benchreport.ReadFile(path)
	if err != nil {
		return result, exit.Usagef("%w", err)
	}
	return result, nil
}

// readDetected takes from a report of attacks how fast they were found.
func readDetected(path string) (all []benchreport.Detected, err error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, exit.Usagef("%w", err)
	}
	var report attack.Report
	if err := json.Unmarshal(raw, &report); err != nil || report.Detected == nil {
		return nil, exit.Usagef("%s isn't what lab attack run --detect writes with -o", path)
	}
	for _, t := range report.Detected.Threats {
		all = append(all, benchreport.Detected{Threat: t.Threat, Attacks: t.Attacks, Found: t.Found, Detect: t.Detect.Median, DetectWorst: t.Detect.Worst,
			Contain: t.Contain.Median, ContainWorst: t.Contain.Worst})
	}
	return all, nil
}
