package page

import (
	"cmp"
	"fmt"
	"slices"

	"redoubt.example/infra/topology"
	"redoubt.example/scripts/internal/hops"
)

// chart is the platform drawn from its topology: callers before callees, in layers.
type chart struct {
	Class         string
	Width, Height float64
	Nodes         []node
	Lines         []line
}

type node struct {
	Name, Says       string
	X, Y, W, H       float64 // of its box
	TextX, TextY     float64
	StateX, StateY   float64
	External, Detect bool
}

type line struct {
	Caller, Callee string
	Path           string  // an SVG path, from the caller's box to the callee's
	X, Y           float64 // where its figure is
}

// edges are the connections that requests of users cross; what everyone does alike, fetching keys and reporting to sentinel, is told
// beside the chart.
func edges(top *topology.Topology) (all []hops.Pair) {
	all = append(all, hops.Pair{Caller: hops.Outside, Callee: "gateway"})
	for _, callee := range top.Names() {
		if callee == "gateway" || callee == "sentinel" {
			continue
		}
		for _, caller := range top.Callers(callee) {
			all = append(all, hops.Pair{Caller: caller, Callee: callee})
		}
	}
	return all
}

// layers is how many connections lie between the outside and a service, at most.
func layers(all []hops.Pair) map[string]int {
	depth := map[string]int{hops.Outside: 0}
	for range all { // no path is longer than there are edges
		for _, e := range all {
			if d, ok := depth[e.Caller]; ok && depth[e.Callee] < d+1 {
				depth[e.Callee] = d + 1
			}
		}
	}
	return depth
}

// slot is a place in a layer: a service's, or that of a line which passes by.
type slot struct {
	name   string
	passes bool
	from   []int // the slots of the layer before that it is joined to
	at     float64
}

// slots arranges the layers so that lines which skip one go past its services, not through them.
func slots(all []hops.Pair, depth map[string]int) (grid [][]slot, way map[hops.Pair][]int) {
	deepest := 0
	for _, d := range depth {
		deepest = max(deepest, d)
	}
	grid, way = make([][]slot, deepest+1), map[hops.Pair][]int{}
	index := map[string]int{}
	names := make([]string, 0, len(depth))
	for name := range depth {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		index[name] = len(grid[depth[name]])
		grid[depth[name]] = append(grid[depth[name]], slot{name: name})
	}
	for _, e := range all {
		last := index[e.Caller]
		way[e] = []int{last}
		for d := depth[e.Caller] + 1; d <= depth[e.Callee]; d++ {
			next := index[e.Callee]
			if d < depth[e.Callee] {
				next = len(grid[d])
				grid[d] = append(grid[d], slot{passes: true})
			}
			grid[d][next].from = append(grid[d][next].from, last)
			way[e] = append(way[e], next)
			last = next
		}
	}
	place(grid)
	return grid, way
}

const pass = 0.45 // the room of a line that passes by, of a service's

// place gives each slot its place in its layer, 0 to 1: in the order of what it is joined to in the layer before.
func place(grid [][]slot) {
	for d := range grid {
		order := make([]int, len(grid[d]))
		weight, total := map[int]float64{}, 0.0
		for i, s := range grid[d] {
			order[i] = i
			for _, from := range s.from {
				weight[i] += grid[d-1][from].at / float64(len(s.from))
			}
			total += room(s)
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(weight[a], weight[b]) })
		at := 0.0
		for _, i := range order {
			grid[d][i].at = (at + room(grid[d][i])/2) / total
			at += room(grid[d][i])
		}
	}
}

func room(s slot) float64 {
	if s.passes {
		return pass
	}
	return 1
}

// point is a place of the drawing: along is in the direction of calls.
type point struct{ along, across float64 }

// draw makes the chart: left to right, or top to bottom where it is narrow.
func draw(top *topology.Topology, narrow bool) chart {
	all := edges(top)
	depth := layers(all)
	grid, way := slots(all, depth)
	c := chart{Class: "wide", Width: 960, Height: 400}
	boxW, boxH := 124.0, 58.0
	if narrow {
		c.Class, c.Width, c.Height = "narrow", 366, 600
		boxW, boxH = 100, 52
	}
	xy := func(p point) (x, y float64) {
		if narrow {
			return p.across * c.Width, boxH/2 + 6 + p.along*(c.Height-boxH-12)
		}
		return boxW/2 + 6 + p.along*(c.Width-boxW-12), p.across * c.Height
	}
	for d, layer := range grid {
		for _, s := range layer {
			if s.passes {
				continue
			}
			x, y := xy(point{float64(d) / float64(len(grid)-1), s.at})
			n := node{Name: s.name, X: x - boxW/2, Y: y - boxH/2, W: boxW, H: boxH, TextX: x, TextY: y - 4, StateX: x, StateY: y + 15, External: s.name == hops.Outside}
			if service := top.Services[s.name]; service != nil {
				n.Says = service.Summary
			}
			c.Nodes = append(c.Nodes, n)
		}
	}
	for _, e := range all {
		c.Lines = append(c.Lines, route(e, way[e], depth[e.Caller], grid, narrow, boxW, boxH, xy))
	}
	return c
}

// route draws one line along its slots, in curves that leave and arrive straight.
func route(e hops.Pair, way []int, first int, grid [][]slot, narrow bool, boxW, boxH float64, xy func(point) (x, y float64)) line {
	l := line{Caller: e.Caller, Callee: e.Callee}
	half := boxW / 2
	if narrow {
		half = boxH / 2
	}
	var x, y float64
	for i, s := range way {
		nx, ny := xy(point{float64(first+i) / float64(len(grid)-1), grid[first+i][s].at})
		startGap, endGap := half, half // past a service it goes straight, or it would cut the box beside it
		if i == len(way)-1 {
			endGap += 9 // the arrow's head
		}
		if i == 0 {
			x, y = nx, ny
			continue
		}
		if narrow {
			y0, y1 := y+startGap, ny-endGap
			l.Path += curve(i == 1, x, y0, x, (y0+y1)/2, nx, (y0+y1)/2, nx, y1)
			l.X, l.Y = (x+nx)/2, (y0+y1)/2
		} else {
			x0, x1 := x+startGap, nx-endGap
			l.Path += curve(i == 1, x0, y, (x0+x1)/2, y, (x0+x1)/2, ny, x1, ny)
			l.X, l.Y = (x0+x1)/2, (y+ny)/2
		}
		x, y = nx, ny
	}
	return l
}

func curve(begins bool, x0, y0, ax, ay, bx, by, x1, y1 float64) string {
	start := "L"
	if begins {
		start = "M"
	}
	return fmt.Sprintf("%s%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1f", start, x0, y0, ax, ay, bx, by, x1, y1)
}
