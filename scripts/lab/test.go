package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"redoubt.example/scripts/internal/doctor"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/suite"
	"redoubt.example/scripts/internal/term"
)

func (a *app) test() *cobra.Command {
	return &cobra.Command{
		Use:     "test [part]...",
		GroupID: groupBuild,
		Short:   "Run all checks and tests of all modules, end to end included",
		Long: `Run all checks and tests: format, vet, each module built alone, the tests of all modules (packages with concurrency
under the race detector), a few seconds of fuzzing for each of the mesh's parsers, the whole platform end to end, and at last
every attack on it, and the proof of every control (see ` + "`lab help attack`" + `). Obtains Consul, Vault and PostgreSQL first. Up to
three failing tests of a part are repeated once, each alone: those that pass then are listed as unsteady, with what they said;
a data race or a panic is never repeated. With words, only the parts that have one of them in their names.`,
		Example: "  lab test                        everything\n  lab test 'test scripts' honest   two parts",
		Args: func(_ *cobra.Command, only []string) error {
			if err := (&suite.Suite{Lab: "lab", Only: only}).Check(); err != nil {
				return exit.Usagef("%w", err)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, only []string) error {
			report, err := a.runTests(cmd.Context(), only)
			if err != nil {
				return err
			}
			out := a.output()
			if err := out.Print(report, func(w io.Writer) error { return writeReport(w, out, report) }); err != nil {
				return err
			}
			if !report.Passed {
				return errors.New("tests failed: " + strings.Join(failedParts(report), ", "))
			}
			return nil
		},
	}
}

func (a *app) runTests(ctx context.Context, only []string) (suite.Report, error) {
	repo, cache, err := checkout()
	if err != nil {
		return suite.Report{}, err
	}
	self, err := os.Executable()
	if err != nil {
		return suite.Report{}, err
	}
	s := suite.Suite{Lab: self, Repo: repo, Race: doctor.HasC(), Only: only}
	s.Progress = term.NewProgress(os.Stderr)
	defer s.Progress.Close()
	set, err := cache.Servers(ctx, repo, s.Progress)
	if err != nil {
		return suite.Report{}, err
	}
	s.Env = []string{
		"REDOUBT_TEST_CONSUL=" + set.Consul,
		"REDOUBT_TEST_VAULT=" + set.Vault,
		"REDOUBT_TEST_POSTGRES=" + set.Postgres,
	}
	report, err := s.Run(ctx)
	if ctx.Err() != nil {
		return report, errors.New("interrupted")
	}
	return report, err
}

func writeReport(w io.Writer, out term.Output, r suite.Report) error {
	table := &term.Table{Headers: []string{"part", "result", ">passed", ">failed", ">skipped", ">time"}}
	passed, failed, left, skipped := 0, 0, 0, ""
	for _, p := range r.Parts {
		if !p.Passed {
			fmt.Fprintf(w, "--- %s\n%s\n", p.Name, strings.TrimSpace(p.Output))
		}
		result := term.Cell{Text: "ok", Style: term.Good}
		if !p.Passed {
			result = term.Cell{Text: "FAILED", Style: term.Bad}
		}
		table.Add(term.Text(p.Name), result, count(p.Tests), count(p.Failed), count(len(p.Skipped)),
			term.Text(term.Seconds(time.Duration(p.Seconds*float64(time.Second)))))
		passed, failed, left = passed+p.Tests, failed+p.Failed, left+len(p.Skipped)
		for _, u := range p.Unsteady {
			fmt.Fprintf(w, "--- unsteady: %s failed, and passed when it was repeated alone\n%s\n", u.Test, strings.TrimSpace(u.Output))
		}
		for _, s := range p.Skipped {
			skipped += fmt.Sprintf("skipped: %s: %s\n", s.Test, s.Reason)
		}
	}
	if err := table.Write(w, out.Colour); err != nil {
		return err
	}
	if !doctor.HasC() {
		skipped += "skipped: the race detector: no C compiler on this machine\n"
	}
	verdict := out.Paint("all passed", term.Good)
	if !r.Passed {
		verdict = out.Paint("FAILED: "+strings.Join(failedParts(r), ", "), term.Bad)
	}
	// The closing line is one that CI systems count by.
	_, err := fmt.Fprintf(w, "\n%s%s, in %s\n%d passed, %d failed, %d skipped\n", skipped, verdict,
		term.Seconds(time.Duration(r.Seconds*float64(time.Second))), passed, failed, left)
	return err
}

func count(n int) term.Cell {
	if n == 0 {
		return term.Cell{}
	}
	return term.Text(n)
}

func failedParts(r suite.Report) (names []string) {
	for _, p := range r.Parts {
		if !p.Passed {
			names = append(names, p.Name)
		}
	}
	return names
}
