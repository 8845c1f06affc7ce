package threats

import (
	"bytes"
	"fmt"
	"html"
	"slices"

	"redoubt.example/infra/topology"
	"redoubt.example/threatmodel"
)

// boundary is where trust changes: a step across it, and the controls that guard it.
type boundary struct {
	name    string
	crosses func(h threatmodel.Hop) bool
	layers  []string // whose controls guard it
}

func (m *Model) boundaries() []boundary {
	service := func(name string) bool { return m.Topology.Services[name] != nil }
	server := func(name string) bool { return name == "vault" || name == "consul" || name == "postgres" }
	return []boundary{
		{"outside | gateway", func(h threatmodel.Hop) bool { return h.From == "outside" }, []string{"edge"}},
		{"service | service", func(h threatmodel.Hop) bool { return service(h.From) && service(h.To) }, []string{"mesh", "app"}},
		{"machine | workload", func(h threatmodel.Hop) bool { return h.From == "machine" && !server(h.To) }, []string{"mesh"}},
		{"workload | servers", func(h threatmodel.Hop) bool { return server(h.To) }, []string{"infra"}},
		{"service | world", func(h threatmodel.Hop) bool { return h.To == "receiver" || h.To == "upstream model" }, []string{"app"}},
	}
}

// crossing counts the threats that cross a boundary, and the controls of theirs that guard it.
func (m *Model) crossing(b boundary) (threats, guards int) {
	var ids []string
	for _, t := range m.Threats {
		if !slices.ContainsFunc(t.Hops(), b.crosses) {
			continue
		}
		threats++
		for _, layer := range b.layers {
			ids = append(ids, t.Controls[layer]...)
		}
	}
	slices.Sort(ids)
	return threats, len(slices.Compact(ids))
}

type picture struct{ bytes.Buffer }

func (p *picture) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

func (p *picture) begin(title string, width, height int) {
	p.line(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13">`, width, height)
	p.line("<!-- %s -->\n<title>%s</title>\n<rect width=\"%d\" height=\"%d\" fill=\"white\"/>", header, title, width, height)
}

// box is a thing; zone is what a boundary encloses.
func (p *picture) box(x, y, w, h int, name string) {
	p.line(`<rect x="%d" y="%d" width="%d" height="%d" rx="6" fill="#f6f8fa" stroke="black"/><text x="%d" y="%d" text-anchor="middle">%s</text>`,
		x, y, w, h, x+w/2, y+h/2+4, html.EscapeString(name))
}

func (p *picture) zone(x, y, w, h int, name string) {
	p.line(`<rect x="%d" y="%d" width="%d" height="%d" rx="10" fill="none" stroke="#b00" stroke-dasharray="7 5"/><text x="%d" y="%d" fill="#b00" font-size="12">%s</text>`,
		x, y, w, h, x+12, y+18, html.EscapeString(name))
}

// arrow goes straight, with two lines of text beside it.
func (p *picture) arrow(x1, y1, x2, y2 int, first, second string) {
	head := fmt.Sprintf("M%d %dl-9 -5v10z", x2, y2)
	tx, ty, anchor := (x1+x2)/2, y1-24, "middle"
	if x1 == x2 {
		head = fmt.Sprintf("M%d %dl-5 -9h10z", x2, y2)
		tx, ty, anchor = x1+10, (y1+y2)/2-4, "start"
	}
	p.line(`<path d="M%d %dL%d %d" stroke="black" stroke-width="1.6"/><path d="%s"/>`, x1, y1, x2, y2, head)
	p.line(`<text x="%d" y="%d" font-size="12" font-weight="bold" text-anchor="%s">%s</text><text x="%d" y="%d" font-size="11" fill="#555" text-anchor="%s">%s</text>`,
		tx, ty, anchor, first, tx, ty+15, anchor, second)
}

// boundariesSVG draws the zones as boxes in boxes, with an arrow across each boundary.
func (m *Model) boundariesSVG() []byte {
	var p picture
	p.begin("Trust boundaries", 1080, 470)
	label := func(i int) (string, string) {
		threats, guards := m.crossing(m.boundaries()[i])
		return fmt.Sprintf("%d threats", threats), fmt.Sprintf("%d controls", guards)
	}
	across := func(i, x1, y1, x2, y2 int) {
		first, second := label(i)
		p.arrow(x1, y1, x2, y2, first, second)
	}
	p.box(20, 110, 110, 54, "outside")
	p.zone(235, 60, 170, 150, "zone edge")
	p.box(255, 110, 130, 54, topology.Gateway)
	p.zone(510, 40, 330, 190, "zone mesh: mutual TLS between all")
	at := 0
	for _, name := range m.Topology.Names() {
		if name != topology.Gateway {
			p.box(530+at%2*155, 74+at/2*50, 140, 38, name)
			at++
		}
	}
	p.box(950, 84, 112, 38, "receiver")
	p.box(950, 144, 112, 38, "LLM upstream")
	p.zone(510, 330, 330, 110, "zone infrastructure")
	for i, name := range []string{"vault", "consul", "postgres"} {
		p.box(530+i*100, 365, 88, 48, name)
	}
	p.box(235, 365, 170, 48, "other local processes")
	across(0, 130, 137, 255, 137)
	across(1, 385, 137, 510, 137)
	across(3, 640, 230, 640, 330)
	across(4, 840, 137, 948, 137)
	first, second := label(2)
	p.line(`<path d="M320 365V280H560V230" fill="none" stroke="black" stroke-width="1.6"/><path d="M560 230l-5 9h10z"/>`)
	p.line(`<text x="335" y="298" font-size="12" font-weight="bold">%s</text><text x="335" y="313" font-size="11" fill="#555">%s</text>`, first, second)
	p.line(`<text x="20" y="458" font-size="11" fill="#555">Dashed: a boundary. At each arrow: the threats with a step across it, and the controls that guard it against them. The arrow to the mesh counts every step between services.</text>`)
	p.line("</svg>")
	return p.Bytes()
}

// flowSVG is a table of steps: whence, whither, and how many threats take each.
func (m *Model) flowSVG() []byte {
	const cell, left, top = 66, 150, 120
	var ends []string
	counts := map[threatmodel.Hop]int{}
	for _, t := range m.Threats {
		for _, h := range t.Hops() {
			counts[h]++
			ends = append(ends, h.From, h.To)
		}
	}
	order := append([]string{"outside", "machine"}, m.Topology.Names()...)
	order = append(order, "consul", "vault", "postgres", "receiver", "upstream model")
	order = slices.DeleteFunc(order, func(name string) bool { return !slices.Contains(ends, name) })
	rows := slices.DeleteFunc(slices.Clone(order), func(name string) bool { return !m.starts(name) })
	columns := slices.DeleteFunc(slices.Clone(order), func(name string) bool { return !m.ends(name) })
	var p picture
	p.begin("Steps of threats", left+len(columns)*cell+70, top+len(rows)*34+50)
	for i, name := range columns {
		p.line(`<text transform="translate(%d %d) rotate(-40)">%s</text>`, left+i*cell+cell/2-4, top-10, html.EscapeString(name))
	}
	for y, from := range rows {
		p.line(`<text x="%d" y="%d" text-anchor="end">%s</text>`, left-12, top+y*34+22, html.EscapeString(from))
		for x, to := range columns {
			n, colour, fill := counts[threatmodel.Hop{From: from, To: to, Allowed: true}], "black", "#f6f8fa"
			if n == 0 {
				n, colour = counts[threatmodel.Hop{From: from, To: to}], "#b00"
			}
			text := ""
			if n > 0 {
				text = fmt.Sprint(n)
				fill = map[string]string{"black": "#dbe9f9", "#b00": "#fbe1e1"}[colour]
			}
			p.line(`<rect x="%d" y="%d" width="%d" height="34" fill="%s" stroke="#d0d7de"/><text x="%d" y="%d" text-anchor="middle" font-weight="bold" fill="%s">%s</text>`,
				left+x*cell, top+y*34, cell, fill, left+x*cell+cell/2, top+y*34+22, colour, text)
		}
	}
	p.line(`<text x="%d" y="%d" font-size="11" fill="#555">Threats that take a step. Blue: topology.yaml allows it. Red: it doesn't, and the attacker tries.</text>`, 20, top+len(rows)*34+30)
	p.line("</svg>")
	return p.Bytes()
}

func (m *Model) starts(name string) bool {
	return m.hasHop(func(h threatmodel.Hop) bool { return h.From == name })
}

func (m *Model) ends(name string) bool {
	return m.hasHop(func(h threatmodel.Hop) bool { return h.To == name })
}

func (m *Model) hasHop(is func(threatmodel.Hop) bool) bool {
	return slices.ContainsFunc(m.Threats, func(t threatmodel.Threat) bool { return slices.ContainsFunc(t.Hops(), is) })
}
