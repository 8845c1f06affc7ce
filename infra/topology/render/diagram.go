package render

import (
	"bytes"
	"fmt"
	"html"
	"slices"

	"redoubt.example/infra/topology"
)

const (
	boxWidth, boxHeight = 150, 46
	columnGap, rowGap   = 110, 44
	margin              = 30
)

// dataFlow draws who calls whom, in columns by distance from the outside; databases hang below their service. The
// dashed line is the trust boundary.
func dataFlow(top *topology.Topology) []byte {
	column := map[string]int{topology.Gateway: 0}
	for range top.Services { // a service stands right of all that call it in a transaction
		for _, name := range top.Names() {
			for _, caller := range top.Callers(name) {
				if name != topology.Gateway && caller != topology.Gateway {
					column[name] = max(column[name], column[caller]+1)
				}
			}
			if name != topology.Gateway {
				column[name] = max(column[name], 1)
			}
		}
	}
	rows := map[int]int{}
	at := map[string][2]int{}
	width, height := 0, 0
	for _, name := range top.Names() {
		c := column[name]
		at[name] = [2]int{margin + 130 + c*(boxWidth+columnGap), margin + 30 + rows[c]*(2*boxHeight+rowGap) + (c%2)*30}
		rows[c]++
		width, height = max(width, at[name][0]+boxWidth+margin), max(height, at[name][1]+2*boxHeight+margin)
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13">`+"\n", width, height)
	fmt.Fprintf(&out, "<!-- %s -->\n<title>Data flow</title>\n", header)
	out.WriteString(`<defs><marker id="a" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>` + "\n")
	fmt.Fprintf(&out, `<rect width="%d" height="%d" fill="white"/>`+"\n", width, height)
	g := at[topology.Gateway]
	fmt.Fprintf(&out, `<path d="M%d 10V%d" stroke="#b00" stroke-dasharray="6 5"/>`+"\n", g[0]-45, height-10)
	fmt.Fprintf(&out, `<text x="%d" y="%d">client</text>`+"\n", margin, g[1]+boxHeight/2+4)
	arrow(&out, [2]int{margin + 45, g[1] + boxHeight/2}, [2]int{g[0], g[1] + boxHeight/2}, "black")
	for _, name := range top.Names() {
		for _, upstream := range top.Upstreams(name) {
			if upstream == topology.Gateway {
				continue // the public keys of transaction tokens: every service fetches them
			}
			from, to := at[name], at[upstream]
			arrow(&out, [2]int{from[0] + boxWidth, from[1] + boxHeight/2}, [2]int{to[0], to[1] + boxHeight/2}, colour(top, name))
		}
	}
	for _, name := range top.Names() {
		box(&out, at[name], name, caption(top, name))
		if top.Services[name].Database {
			x, y := at[name][0]+25, at[name][1]+boxHeight
			fmt.Fprintf(&out, `<path d="M%d %dv12" stroke="black"/><path d="M%d %dh100m0 18h-100" stroke="black" fill="none"/><text x="%d" y="%d" font-size="11">%s</text>`+"\n",
				x+50, y, x, y+12, x+8, y+25, html.EscapeString(name)+" db")
		}
	}
	out.WriteString("</svg>\n")
	return out.Bytes()
}

var palette = []string{"#1f6feb", "#1a7f37", "#9a6700", "#8250df", "#bf3989", "#57606a"}

func colour(top *topology.Topology, name string) string {
	return palette[slices.Index(top.Names(), name)%len(palette)]
}

func caption(top *topology.Topology, name string) string {
	return fmt.Sprintf("%d routes", len(top.Services[name].Routes))
}

func box(out *bytes.Buffer, at [2]int, name, text string) {
	fmt.Fprintf(out, `<rect x="%d" y="%d" width="%d" height="%d" rx="6" fill="#f6f8fa" stroke="black"/><text x="%d" y="%d" font-weight="bold">%s</text><text x="%d" y="%d" font-size="11" fill="#555">%s</text>`+"\n",
		at[0], at[1], boxWidth, boxHeight, at[0]+10, at[1]+19, html.EscapeString(name), at[0]+10, at[1]+36, html.EscapeString(text))
}

func arrow(out *bytes.Buffer, from, to [2]int, colour string) {
	bend := (to[0] - from[0]) / 2
	fmt.Fprintf(out, `<path d="M%d %dC%d %d %d %d %d %d" fill="none" stroke="%s" marker-end="url(#a)"/>`+"\n",
		from[0], from[1], from[0]+bend, from[1], to[0]-bend, to[1], to[0], to[1], colour)
}
