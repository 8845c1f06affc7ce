package report

import (
	"cmp"
	"slices"
)

// slowest are the ledger's n largest parts, as rows of a table.
func slowest(r Result, n int) (rows [][]string) {
	lines := slices.Clone(r.Ledger)
	slices.SortStableFunc(lines, func(a, b Line) int { return cmp.Compare(b.P50, a.P50) })
	for _, l := range lines[:min(n, len(lines))] {
		rows = append(rows, []string{l.Control, l.Hop, us(l.P50), us(l.P99)})
	}
	return rows
}
