package timing

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// The columns of a waterfall: 100 in all.
const (
	labelWidth = 50
	barWidth   = 36
)

// smallest is what a part has to take, in microseconds, for a line of its own.
const smallest = 1

// Style is how a stretch of a waterfall stands out where colour shows.
type Style int

// The styles: a hop's name and time, and the way there and back.
const (
	Plain Style = iota
	Strong
	Faint
)

// Waterfall draws the trace for people, 100 columns wide: a line for each hop with a bar over the client's time, the way
// there and back as dots, and below it what its own time went to. A hop's parts are sums, without a place in time. A callee's
// clock isn't its caller's: it is drawn in the middle of its caller's wait.
func (t Trace) Waterfall(w io.Writer, paint func(text string, s Style) string) error {
	var out strings.Builder
	fmt.Fprintf(&out, "%-*s %11s\n", labelWidth, "hop", "us")
	starts := map[*Hop]float64{}
	t.Root.Walk(func(depth int, h *Hop) {
		begin := starts[h] // of the caller's wait
		for _, c := range h.Calls {
			starts[c] = begin + h.Transit/2 + c.At
		}
		indent := strings.Repeat("  ", depth)
		before, bar, after := t.bar(begin, begin+h.Transit/2, begin+h.Wait-h.Transit/2, begin+h.Wait)
		took, name := h.Total, h.Name+" "+h.URI
		if h.Silent {
			took, name = h.Wait, h.Name+" (says nothing)"
		}
		fmt.Fprintf(&out, "%s %11.1f  %s%s%s\n", paint(label(indent+name), Strong), took, paint(before, Faint), bar, strings.TrimRight(paint(after, Faint), " "))
		for _, p := range h.lines() {
			name := p.ID
			if p.Count > 1 {
				name += fmt.Sprintf(" x%d", p.Count)
			}
			fmt.Fprintf(&out, "%s %11.1f\n", paint(label(indent+"  · "+name), Faint), p.US)
		}
	})
	fmt.Fprintf(&out, "\nclient %.1f us = parts %.1f + residual %.1f (%.1f %%)\n", t.Client, t.Sum, t.Residual, 100*t.Residual/t.Client)
	if t.Overlap > 0 {
		fmt.Fprintf(&out, "%.1f us ran at once with something else, and are counted once\n", t.Overlap)
	}
	if t.Truncated {
		out.WriteString("parts of the tree didn't fit into the response\n")
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// lines are what a hop's round trip went to: transit, the parts, the longest first, those below a microsecond together, and
// the residual.
func (h *Hop) lines() []Part {
	if h.Silent {
		return nil
	}
	parts := slices.Clone(h.Controls)
	slices.SortStableFunc(parts, func(a, b Part) int { return cmp.Compare(b.US, a.US) })
	lines, small, others := []Part{{"transit, TLS", h.Transit, 1}}, 0.0, 0
	for _, p := range parts {
		if p.US < smallest {
			small, others = small+p.US, others+1
			continue
		}
		lines = append(lines, p)
	}
	if others > 0 {
		lines = append(lines, Part{fmt.Sprintf("%d below %d us", others, smallest), small, 1})
	}
	return append(lines, Part{"residual", h.Residual, 1})
}

// bar is a line's: blank up to the way there, that, the hop, and the way back.
func (t Trace) bar(times ...float64) (before, hop, after string) {
	at := make([]int, len(times))
	for i, x := range times {
		at[i] = min(barWidth, max(0, int(x/t.Client*barWidth+0.5)))
	}
	length := at[2] - at[1]
	if length == 0 { // it is there, however short
		length, at[1] = 1, min(at[1], barWidth-1)
	}
	before = strings.Repeat(" ", min(at[0], at[1])) + strings.Repeat("·", max(0, at[1]-at[0]))
	return before, strings.Repeat("█", length), strings.Repeat("·", max(0, at[3]-at[1]-length))
}

func label(text string) string {
	runes := []rune(text)
	if len(runes) > labelWidth {
		return string(runes[:labelWidth-1]) + "…"
	}
	return text + strings.Repeat(" ", labelWidth-utf8.RuneCountInString(text))
}
