package report

import (
	"fmt"
	"io"
	"strings"
)

// Markdown writes the job summary of a CI run: GitHub's dialect. A comparison, if there is one, comes first.
func Markdown(w io.Writer, r Result, c *Comparison) error {
	var out strings.Builder
	for _, problem := range r.Problems() {
		fmt.Fprintf(&out, "> [!WARNING]\n> Don't believe this run: %s.\n\n", escapeMarkdown(problem))
	}
	if c != nil {
		out.WriteString(c.markdown())
	}
	out.WriteString("### What each profile costs, and stops\n\n")
	pipes(&out, matrixHeaders, matrixRows(r))
	fmt.Fprintf(&out, "\nAdded to %s's latency, in microseconds. Reach: services that a compromised notification can use. –: not measured.\n", Baseline)
	if rows := slowest(r, 10); len(rows) > 0 {
		out.WriteString("\n### Where a layered request's time goes\n\n")
		pipes(&out, []string{"part", "hop", ">p50 us", ">p99 us"}, rows)
		fmt.Fprintf(&out, "\nThe largest parts; residual: %s us.\n", us(r.Residual))
	}
	out.WriteString("\n")
	for _, line := range append(r.Findings(), footing(r)...) {
		fmt.Fprintf(&out, "%s  \n", escapeMarkdown(line))
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func pipes(out *strings.Builder, headers []string, rows [][]string) {
	rule := make([]string, len(headers))
	names := make([]string, len(headers))
	for i, h := range headers {
		name, right := strings.CutPrefix(h, ">")
		names[i], rule[i] = name, "---"
		if right {
			rule[i] = "---:"
		}
	}
	fmt.Fprintf(out, "| %s |\n| %s |\n", strings.Join(names, " | "), strings.Join(rule, " | "))
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			if cells[i] = escapeMarkdown(cell); cell == "" {
				cells[i] = "–"
			}
		}
		fmt.Fprintf(out, "| %s |\n", strings.Join(cells, " | "))
	}
}

var markdownEscaper = strings.NewReplacer("|", `\|`, "<", "&lt;", ">", "&gt;", "\n", " ", "`", "'", "*", `\*`, "_", `\_`)

func escapeMarkdown(s string) string { return markdownEscaper.Replace(s) }
