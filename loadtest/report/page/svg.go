package page

import (
	"errors"
	"fmt"
	"html/template"
	"io"
	"strings"

	"redoubt.example/loadtest/report"
)

// ErrNoFrontier: it takes two profiles whose latency was compared and whose attacks were tried.
var ErrNoFrontier = errors.New("it has no frontier, which takes the attacks on two profiles or more: lab bench --attacks")

// Frontier writes the page's first plot as an SVG file of its own, for a README: light or dark as its reader's system is, and on
// a ground of its own, since what it lies on may be the other.
func Frontier(w io.Writer, r report.Result) error {
	draws := frontier(r)
	if draws == nil {
		return ErrNoFrontier
	}
	var s sheet
	height := frontierHeight(wide)
	plot, err := s.draw("plot", frontierLabel, wide, height, draws)
	if err != nil {
		return err
	}
	const margin, head = 16, 36
	colours, _, _ := strings.Cut(css, "* {") // the style sheet's variables come first
	_, err = fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %.0f">
<style>%s%s.ground{fill:var(--surface)} .axis{fill:var(--muted);font:13px "Liberation Sans",Arial,Helvetica,sans-serif}</style>
<rect class="ground" width="100%%" height="100%%"/>
<text class="axis" x="%d" y="24">attacks stopped</text>
<svg x="%d" y="%d" width="%d" height="%.0f">%s</svg>
</svg>
`, wide+2*margin, height+head+margin, colours, s.css(), margin, margin, head, wide, height, plot)
	return err
}

// Inline is the page's first plot as elements of another page, one for a wide window (class wide) and one for a narrow, and the
// styles that they need beside that page's own colours (--text, --muted, --grid, --accent, --surface).
func Inline(r report.Result) (html template.HTML, css string, err error) {
	var s sheet
	html, err = s.frontier(r)
	if err == nil && html == "" {
		err = ErrNoFrontier
	}
	return html, s.css(), err
}
