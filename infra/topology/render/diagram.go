package render

import (
	"bytes"
	"fmt"
	"html"
	"slices"
	"sort"

	"redoubt.example/infra/topology"
)

const (
	boxWidth, boxHeight = 138, 50
	stepX, stepY        = 168, 92
	left, top0          = 150, 40
)

// dataFlow draws who calls whom: services stand on a diagonal, callers before those they call, and an arrow goes right
// to the column of the service called and then down. So none passes through a box, however many there are (an N2 chart). Stores lie
// left of their service. The dashed line is the trust boundary.
func dataFlow(top *topology.Topology) []byte {
	names := callOrder(top)
	width, height := left+(len(names)-1)*stepX+boxWidth+60, top0+(len(names)-1)*stepY+boxHeight+64
	d := drawing{top: top, at: map[string]int{}}
	for i, name := range names {
		d.at[name] = i
	}
	d.printf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13">`, width, height)
	d.printf("<!-- %s -->\n<title>Data flow</title>", header)
	d.printf(`<rect width="%d" height="%d" fill="white"/>`, width, height)
	d.printf(`<path d="M%d 10V%d" stroke="#b00" stroke-dasharray="6 5"/><text x="%d" y="%d" font-size="11" fill="#b00">outside | inside</text>`,
		left-50, height-10, left-42, height-14)
	d.printf(`<text x="14" y="%d">client</text>`, top0+boxHeight/2+4)
	d.arrow("black", fmt.Sprintf("M56 %dH%d", top0+boxHeight/2, left-7), left, top0+boxHeight/2, "right")
	for _, name := range names {
		d.calls(name)
	}
	for _, name := range names {
		d.box(name)
		d.stores(name)
	}
	d.printf(`<text x="%d" y="%d" font-size="11" fill="#555">The number at an arrow: routes that the caller may use there. Not drawn: the gateway's public keys, which services fetch.</text>`, left+70, height-14)
	d.printf("</svg>")
	return d.out.Bytes()
}

// callOrder lists services so that each stands before those it calls; the public keys of transaction tokens, which every
// service fetches of the gateway, don't count.
func callOrder(top *topology.Topology) []string {
	depth := map[string]int{}
	for range top.Services {
		for _, name := range top.Names() {
			for _, caller := range top.Callers(name) {
				if name != topology.Gateway {
					depth[name] = max(depth[name], depth[caller]+1)
				}
			}
		}
	}
	names := top.Names()
	sort.SliceStable(names, func(i, j int) bool { return depth[names[i]] < depth[names[j]] })
	return names
}

type drawing struct {
	top *topology.Topology
	at  map[string]int // a service's place on the diagonal
	out bytes.Buffer
}

func (d *drawing) printf(format string, args ...any) { fmt.Fprintf(&d.out, format+"\n", args...) }

func (d *drawing) corner(name string) (x, y int) {
	return left + d.at[name]*stepX, top0 + d.at[name]*stepY
}

var palette = []string{"#1f6feb", "#1a7f37", "#9a6700", "#8250df", "#bf3989", "#57606a"}

// calls draws a service's arrows. The furthest leaves it uppermost, so that its own arrows don't cross.
func (d *drawing) calls(name string) {
	var callees []string
	for _, callee := range d.top.Upstreams(name) {
		if callee != topology.Gateway {
			callees = append(callees, callee)
		}
	}
	sort.Slice(callees, func(i, j int) bool { return d.at[callees[i]] > d.at[callees[j]] })
	colour := palette[d.at[name]%len(palette)]
	x, y := d.corner(name)
	for i, callee := range callees {
		callers := d.drawnCallers(callee)
		cx, cy := d.corner(callee)
		out := y + boxHeight*(i+1)/(len(callees)+1)
		in := cx + boxWidth - boxWidth*(slices.Index(callers, name)+1)/(len(callers)+1)
		d.arrow(colour, fmt.Sprintf("M%d %dH%dV%d", x+boxWidth, out, in, cy-7), in, cy, "down")
		d.printf(`<text x="%d" y="%d" font-size="10" fill="%s">%d</text>`, in+4, cy-10, colour, d.routes(name, callee))
	}
}

// drawnCallers are in the order of the diagonal: the nearest comes in leftmost.
func (d *drawing) drawnCallers(callee string) []string {
	callers := d.top.Callers(callee)
	sort.Slice(callers, func(i, j int) bool { return d.at[callers[i]] < d.at[callers[j]] })
	return callers
}

func (d *drawing) routes(caller, callee string) (n int) {
	for _, r := range d.top.Services[callee].Routes {
		if slices.Contains(r.Callers, caller) {
			n++
		}
	}
	return n
}

func (d *drawing) arrow(colour, path string, x, y int, direction string) {
	head := fmt.Sprintf("M%d %dl-4 -8h8z", x, y)
	if direction == "right" {
		head = fmt.Sprintf("M%d %dl-8 -4v8z", x, y)
	}
	d.printf(`<path d="%s" fill="none" stroke="%s" stroke-width="1.4"/><path d="%s" fill="%s"/>`, path, colour, head, colour)
}

func (d *drawing) box(name string) {
	x, y := d.corner(name)
	count := len(d.top.Services[name].Routes)
	caption := fmt.Sprintf("%d routes", count)
	if name == topology.Gateway {
		caption = fmt.Sprintf("%d routes at the edge", len(d.top.Edge))
	}
	d.printf(`<rect x="%d" y="%d" width="%d" height="%d" rx="6" fill="#f6f8fa" stroke="black"/><text x="%d" y="%d" font-weight="bold">%s</text><text x="%d" y="%d" font-size="11" fill="#555">%s</text>`,
		x, y, boxWidth, boxHeight, x+10, y+21, html.EscapeString(name), x+10, y+38, html.EscapeString(caption))
}

// stores draws what a service keeps as open boxes, and the internet, if it calls out.
func (d *drawing) stores(name string) {
	const storeWidth, storeHeight = 78, 20
	x, y := d.corner(name)
	var kept []string
	if d.top.Services[name].Database {
		kept = append(kept, "database")
	}
	kept = append(kept, d.top.Services[name].Buckets...)
	if d.top.Services[name].Internet {
		kept = append(kept, "internet")
	}
	for i, what := range kept {
		sx, sy := x-storeWidth-26, y+4+i*(storeHeight+4)
		dash := ""
		if what == "internet" {
			dash = ` stroke-dasharray="3 3"`
		}
		d.printf(`<path d="M%d %dh-26" stroke="black"%s/><path d="M%d %dh-%dM%d %dh-%d" stroke="black"%s/><text x="%d" y="%d" font-size="11">%s</text>`,
			x, sy+storeHeight/2, dash, x-26, sy, storeWidth, x-26, sy+storeHeight, storeWidth, dash, sx+6, sy+14, html.EscapeString(what))
	}
}
