package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Width is how many columns of a terminal Table uses at most.
const Width = 100

// Table prints the matrix and what it rests on for a terminal: at most Width columns of plain text.
func Table(w io.Writer, r Result) error {
	var out strings.Builder
	if len(r.Profiles) > 0 {
		grid(&out, matrixHeaders, matrixRows(r))
		fmt.Fprintf(&out, "%s\n\n", fold("+: added to "+Baseline+"'s latency; reach: services that a compromised notification can use; –: "+absent))
	}
	sections(&out, r)
	if rows := slowest(r, 8); len(rows) > 0 {
		grid(&out, []string{"the layered request goes to", "at", ">p50 us", ">p99 us"}, rows)
		fmt.Fprintf(&out, "residual that these and the smaller parts don't explain: %s us\n\n", us(r.Residual))
	}
	for _, line := range append(r.Findings(), footing(r)...) {
		fmt.Fprintln(&out, fold(line))
	}
	_, err := io.WriteString(w, out.String())
	return err
}

var matrixHeaders = []string{"profile", ">+p50 us", ">95 %", ">p90", ">p99", ">cpu us", ">req/s", ">MiB", ">hs/req", ">blocked", ">reach"}

func matrixRows(r Result) (rows [][]string) {
	for _, p := range r.Profiles {
		interval := ""
		if p.CI95.Measured() {
			interval = between(p.CI95)
		}
		rows = append(rows, []string{
			p.Name, p.added(p.AddedP50, p.CI95), interval, p.added(p.AddedP90, p.CI95P90), p.added(p.AddedP99, p.CI95P99),
			nonzero(p.CPU, us), nonzero(p.Throughput, us), nonzero(float64(p.Memory)/(1<<20), us), nonzero(p.Handshakes, us), p.stopped(), p.reach(),
		})
	}
	return rows
}

func (p Profile) reach() string {
	if p.Reach == nil {
		return ""
	}
	return fmt.Sprint(*p.Reach)
}

// footing is what a reader has to know to believe the figures.
func footing(r Result) []string {
	lines := []string{"A/A: " + absent}
	if r.AA.Pairs > 0 {
		lines[0] = fmt.Sprintf("A/A: %s us (99.9 %% %s)", signed(r.AA.Diff), between(r.AA.CI999))
	}
	if len(r.Calibration) == 0 {
		lines[0] += "; calibration: " + absent
	}
	for i, c := range r.Calibration {
		lines[0] += []string{"; ", ", "}[min(i, 1)] + fmt.Sprintf("%s us injected, %s found", us(c.Injected), us(c.Recovered))
	}
	model := ""
	if r.Machine.Model != "" {
		model = r.Machine.Model + ", "
	}
	lines = append(lines, fmt.Sprintf("%s; %s%d processors, %s/%s, %s; %.0f s, stopped by %s",
		r.State, model, r.Machine.Processors, r.Machine.OS, r.Machine.Arch, r.Machine.Go, r.Seconds, r.Stopped))
	lines = append(lines, r.Method.Notes...)
	for _, problem := range r.Problems() {
		lines = append(lines, "don't believe this run: "+problem)
	}
	return lines
}

// grid writes aligned columns, two spaces apart; a header with ">" aligns its column to the right.
func grid(out *strings.Builder, headers []string, rows [][]string) {
	widths, right := make([]int, len(headers)), make([]bool, len(headers))
	all := append([][]string{make([]string, len(headers))}, rows...)
	for i, h := range headers {
		all[0][i], right[i] = strings.CutPrefix(h, ">")
	}
	for _, row := range all {
		for i := range row {
			if row[i] == "" {
				row[i] = "–"
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	for _, row := range all {
		var line strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if right[i] {
				cell = pad + cell
			} else {
				cell += pad
			}
			line.WriteString(cell + "  ")
		}
		out.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}

// fold breaks a sentence where a line ends.
func fold(text string) string {
	var out strings.Builder
	column := 0
	for _, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case column == 0:
		case column+1+n > Width:
			out.WriteString("\n  ")
			column = 2
		default:
			out.WriteByte(' ')
			column++
		}
		out.WriteString(word)
		column += n
	}
	return out.String()
}
