package main

import (
	"fmt"
	"io"
	"math"
	"strings"

	"redoubt.example/scripts/internal/meshbench"
	"redoubt.example/scripts/internal/term"
)

// writeMeshBench prints a table of latency and one of connections for each state.
func writeMeshBench(w io.Writer, out term.Output, r meshbench.Result) error {
	for i, aa := range r.AA { // one for each state
		latency := &term.Table{Headers: []string{"microseconds", ">p50", ">p99", ">added p50", ">95 %", ">added p99", ">95 %", ">cpu", ">steady", ">resident"}}
		links := &term.Table{Headers: []string{"connections", ">new/s", ">unresumed/s", ">MiB/s", ">handshake", ">first", ">p99", ">resumed", ">p99", "key exchange"}}
		shakes := map[string]meshbench.Handshake{}
		for _, h := range r.Handshakes {
			if h.State == aa.State {
				shakes[h.Name] = h
			}
		}
		for _, row := range r.Rows {
			if row.State == aa.State {
				latency.Add(latencyCells(row)...)
				links.Add(linkCells(row, shakes[row.Name])...)
			}
		}
		delay := r.Calibration[i]
		control := fmt.Sprintf("plaintext against itself %+.1f us (99.9 %% %+.1f to %+.1f); %.1f us injected, %.1f found",
			aa.Diff, aa.CI999[0], aa.CI999[1], delay.Injected, delay.Recovered)
		if _, err := fmt.Fprintf(w, "%s: %s\n", out.Paint(string(aa.State), term.Good), control); err != nil {
			return err
		}
		for _, table := range []*term.Table{latency, links} {
			if err := table.Write(w, out.Colour); err != nil {
				return err
			}
			if _, err := fmt.Fprintln(w); err != nil {
				return err
			}
		}
	}
	var notes strings.Builder
	for _, s := range r.Skipped {
		fmt.Fprintf(&notes, "%s: %s\n", s.Name, s.Reason)
	}
	fmt.Fprintf(&notes, "%s, %d processors, Linux %s, %s; %.0f s\n", r.Machine.CPU, r.Machine.CPUs, r.Machine.Kernel, r.Machine.Go, r.Seconds)
	_, err := io.WriteString(w, notes.String())
	return err
}

func latencyCells(row meshbench.Row) []term.Cell {
	cells := []term.Cell{term.Text(row.Name), micros("", row.P50), micros("", row.P99)}
	if row.Baseline() {
		return cells
	}
	cells = append(cells, micros("+", row.AddedP50), micros("+", row.CI95[:]...),
		micros("+", row.AddedP99), micros("+", row.AddedP99CI95[:]...), micros("", row.CPU), micros("", row.SteadyCPU))
	if row.RSS > 0 {
		cells = append(cells, term.Text(term.Bytes(row.RSS)))
	}
	return cells
}

// micros prints microseconds, with a tenth where it can matter.
func micros(sign string, values ...float64) term.Cell {
	var texts []string
	for _, v := range values {
		digits := ".1"
		if math.Abs(v) >= 100 {
			digits = ".0"
		}
		texts = append(texts, fmt.Sprintf("%"+sign+digits+"f", v))
	}
	return term.Text(strings.Join(texts, " "))
}

func linkCells(row meshbench.Row, h meshbench.Handshake) []term.Cell {
	full := term.Cell{}
	if row.FullConnections != nil {
		full = cellf("%.0f", *row.FullConnections)
	}
	cells := []term.Cell{term.Text(row.Name), cellf("%.0f", row.Connections), full, cellf("%.0f", row.Throughput)}
	if h.Handshakes == 0 {
		return cells
	}
	cells = append(cells, cellf("%.0f", h.FullP50), cellf("%.0f", h.FirstP50), cellf("%.0f", h.FullP99))
	if h.Resumes {
		cells = append(cells, cellf("%.0f", h.ResumedP50), cellf("%.0f", h.ResumedP99))
	} else {
		cells = append(cells, term.Text("never"), term.Cell{})
	}
	return append(cells, term.Text(h.Curve))
}

func cellf(format string, args ...any) term.Cell { return term.Text(fmt.Sprintf(format, args...)) }
