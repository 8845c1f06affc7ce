// Package term prints for people: tables, progress, colour where a terminal shows it; and JSON for machines.
package term

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Width is how wide a table gets at most.
const Width = 100

// Style is how a cell stands out. It shows only on a terminal.
type Style int

const (
	Plain Style = iota
	Good
	Warn
	Bad
	Dim
)

// Cell is one field of a table.
type Cell struct {
	Text  string
	Style Style
}

// Text makes a plain cell of anything.
func Text(v any) Cell { return Cell{Text: fmt.Sprint(v)} }

// Table is aligned columns. A header that starts with ">" makes its column right-aligned; one that starts with "~" gives way
// first where not all fits.
type Table struct {
	Headers []string
	rows    [][]Cell
}

// Add appends a row; missing cells are empty.
func (t *Table) Add(cells ...Cell) { t.rows = append(t.rows, cells) }

// Write prints the table, at most Width wide: what doesn't fit is cut from the widest columns.
func (t *Table) Write(w io.Writer, colour bool) error {
	columns := len(t.Headers)
	right, gives := make([]bool, columns), make([]bool, columns)
	header := make([]Cell, columns)
	for i, h := range t.Headers {
		text, isRight := strings.CutPrefix(h, ">")
		text, givesWay := strings.CutPrefix(text, "~")
		header[i], right[i], gives[i] = Cell{text, Dim}, isRight, givesWay
	}
	all := append([][]Cell{header}, t.rows...)
	widths := fit(all, gives)
	var out strings.Builder
	for _, row := range all {
		var line strings.Builder
		blank := 0 // spaces owed: none are written at a line's end
		for i := range columns {
			var cell Cell
			if i < len(row) {
				cell = row[i]
			}
			text := cut(cell.Text, widths[i])
			pad := widths[i] - utf8.RuneCountInString(text)
			if right[i] {
				blank, pad = blank+pad, 0
			}
			if text != "" {
				line.WriteString(strings.Repeat(" ", blank) + paint(text, cell.Style, colour))
				blank = 0
			}
			blank += pad + 2
		}
		out.WriteString(line.String() + "\n")
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// leastWidth is as narrow as a column is made.
const leastWidth = 8

// fit gives each column what it needs, then narrows those that give way, and then the widest, until all fit.
func fit(rows [][]Cell, gives []bool) []int {
	columns := len(gives)
	widths := make([]int, columns)
	for _, row := range rows {
		for i := range min(columns, len(row)) {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i].Text))
		}
	}
	for {
		total, widest, giving := 2*(columns-1), 0, -1
		for i, w := range widths {
			total += w
			if w > widths[widest] {
				widest = i
			}
			if gives[i] && w > 2*leastWidth && (giving < 0 || w > widths[giving]) {
				giving = i
			}
		}
		if giving >= 0 {
			widest = giving
		}
		if total <= Width || widths[widest] <= leastWidth {
			return widths
		}
		widths[widest]--
	}
}

func cut(text string, width int) string {
	runes := []rune(text)
	if len(runes) <= width {
		return text
	}
	return string(runes[:width-1]) + "…"
}

func paint(text string, style Style, colour bool) string {
	if !colour || style == Plain || text == "" {
		return text
	}
	code := map[Style]string{Good: "32", Warn: "33", Bad: "31", Dim: "2"}[style]
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
