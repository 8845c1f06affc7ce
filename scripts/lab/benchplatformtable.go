package main

import (
	"fmt"
	"io"

	benchreport "redoubt.example/loadtest/report"
	"redoubt.example/scripts/internal/term"
)

func writeBench(w io.Writer, out term.Output, r benchreport.Result) error {
	if err := profileTable(r).Write(w, out.Colour); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nadded: to plaintext, by POST /v1/documents, which crosses every service; 95 %% intervals\n")
	if r.AA.Pairs > 0 {
		fmt.Fprintf(w, "layered against itself: %+.0f us (99.9 %%: %+.0f to %+.0f), %d pairs of blocks\n", r.AA.Diff, r.AA.CI999[0], r.AA.CI999[1], r.AA.Pairs)
	}
	for _, c := range r.Calibration {
		fmt.Fprintf(w, "injected into %s at %s: %.1f us; recovered %.1f (%.1f to %.1f)\n", c.Control, c.Hop, c.Injected, c.Recovered, c.CI95[0], c.CI95[1])
	}
	_, err := fmt.Fprintf(w, "%s; %s, %d processors, %s, %s; %.0f s\n", r.State, r.Machine.Model, r.Machine.Processors, r.Machine.OS, r.Machine.Go, r.Seconds)
	return err
}

func profileTable(r benchreport.Result) *term.Table {
	table := &term.Table{Headers: []string{"profile", ">added p50 us", ">95 %", ">added p99", ">CPU us/req", ">req/s", ">memory", ">blocked", ">reach"}}
	for _, p := range r.Profiles {
		cells := []term.Cell{term.Text(p.Name), cellf("%+.0f", p.AddedP50), cellf("%+.0f to %+.0f", p.CI95[0], p.CI95[1]), cellf("%+.0f", p.AddedP99)}
		if p.Name == r.Profiles[0].Name {
			cells = []term.Cell{term.Text(p.Name), term.Text("0"), {}, term.Text("0")}
		}
		cells = append(cells, cellf("%.0f", p.CPU), shown(p.Throughput > 0, "%.0f", p.Throughput), shown(p.Memory > 0, "%s", term.Bytes(p.Memory)),
			shown(p.Attacks > 0, "%d/%d", p.Blocked, p.Attacks))
		reach := term.Cell{}
		if p.Reach != nil {
			reach = term.Text(*p.Reach)
		}
		table.Add(append(cells, reach)...)
	}
	return table
}

// shown is a measure, or nothing where it wasn't taken.
func shown(taken bool, format string, values ...any) term.Cell {
	if !taken {
		return term.Cell{}
	}
	return cellf(format, values...)
}
