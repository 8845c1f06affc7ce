package report

import (
	"fmt"
	"io"
	"strings"
)

// Table prints the comparison for a terminal: what got worse, or that nothing did, and what that rests on.
func (c Comparison) Table(w io.Writer) error {
	var out strings.Builder
	if rows := c.rows(); len(rows) > 0 {
		grid(&out, comparisonHeaders, rows)
	}
	for _, line := range c.sentences() {
		fmt.Fprintln(&out, fold(line))
	}
	_, err := io.WriteString(w, out.String())
	return err
}

var comparisonHeaders = []string{"regression", ">was us", ">slower by", ">95 %", ">tolerance"}

func (c Comparison) rows() (rows [][]string) {
	for _, m := range c.Regressions() {
		rows = append(rows, []string{m.Name(), us(m.Was), signed(m.Diff), between(m.CI95), us(m.Tolerance)})
	}
	return rows
}

func (c Comparison) sentences() []string {
	lines := append([]string{}, c.Lost...)
	lines = append(lines, fmt.Sprintf("%d of %d measures got worse by more than %s, at %.0f %% confidence over all of them (Holm)",
		len(c.rows()), len(c.Measures), c.Tolerance, 100*Confidence))
	if n := len(c.Uncounted); n > 0 {
		lines = append(lines, fmt.Sprintf("%d were not compared, for want of a counterpart or an interval", n))
	}
	return append(lines, c.Caveats...)
}

func (c Comparison) markdown() string {
	var out strings.Builder
	verdict := "No regression"
	if err := c.Err(); err != nil {
		verdict = "Regression"
		if len(c.Measures) == 0 && len(c.Lost) == 0 {
			verdict = "Nothing was compared"
		}
	}
	fmt.Fprintf(&out, "### %s\n\n", verdict)
	if rows := c.rows(); len(rows) > 0 {
		pipes(&out, comparisonHeaders, rows)
		out.WriteByte('\n')
	}
	for _, line := range c.sentences() {
		fmt.Fprintf(&out, "- %s\n", escapeMarkdown(line))
	}
	return out.String() + "\n"
}

func (c Comparison) junit() junitSuite {
	s := junitSuite{Name: "baseline"}
	for _, m := range c.Measures {
		each := junitCase{Class: "baseline", Name: m.Name()}
		if m.Regressed {
			each.Failure = &junitMessage{fmt.Sprintf("%s us slower than %s us (95 %% %s; tolerance %s)", us(m.Diff), us(m.Was), between(m.CI95), us(m.Tolerance))}
		}
		s.Cases = append(s.Cases, each)
	}
	for _, what := range c.Lost {
		s.Cases = append(s.Cases, junitCase{Class: "baseline", Name: "security", Failure: &junitMessage{what}})
	}
	for _, what := range c.Uncounted {
		s.Cases = append(s.Cases, junitCase{Class: "baseline", Name: what, Skipped: &junitMessage{"no counterpart, or no interval"}})
	}
	return s
}
