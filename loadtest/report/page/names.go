package page

import (
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// names writes each point's name beside it, where it covers neither another name nor another point, nor a line, nor the edge.
type names struct {
	at    plotter.XYs
	names []string
	lines []plotter.XYs
}

// Plot implements plot.Plotter.
func (n names) Plot(c draw.Canvas, p *plot.Plot) {
	style := draw.TextStyle{Color: text, Font: sans(small + 0.5), Handler: p.TextHandler}
	trX, trY := p.Transforms(&c)
	var taken []vg.Rectangle
	for _, xy := range n.at {
		taken = append(taken, around(vg.Point{X: trX(xy.X), Y: trY(xy.Y)}, 6))
	}
	for _, xys := range n.lines {
		for i := 1; i < len(xys); i++ {
			taken = append(taken, along(vg.Point{X: trX(xys[i-1].X), Y: trY(xys[i-1].Y)}, vg.Point{X: trX(xys[i].X), Y: trY(xys[i].Y)})...)
		}
	}
	for i, xy := range n.at {
		at := vg.Point{X: trX(xy.X), Y: trY(xy.Y)}
		size := vg.Point{X: style.Width(n.names[i]), Y: style.Height(n.names[i])}
		best, least := vg.Rectangle{}, -1.0
		for _, place := range places(at, size) {
			cost := outside(place, c.Rectangle)
			for _, other := range taken {
				cost += overlap(place, other)
			}
			if least < 0 || cost < least {
				best, least = place, cost
			}
		}
		taken = append(taken, best)
		if near := nearest(best, at); far(near, at) > 14 { // which dot is it of?
			c.StrokeLine2(draw.LineStyle{Color: muted, Width: vg.Points(0.8)}, at.X, at.Y, near.X, near.Y)
		}
		c.FillText(style, best.Min.Add(vg.Point{Y: 1}), n.names[i])
	}
}

// places are where a name of a size may stand, best first.
func places(at, size vg.Point) (all []vg.Rectangle) {
	for _, far := range []vg.Length{9, 16, 24, 36, 50, 66, 84, 104} {
		for _, d := range []vg.Point{
			{X: far, Y: -size.Y / 2}, {X: -size.X - far, Y: -size.Y / 2}, {X: -size.X / 2, Y: -size.Y - far}, {X: -size.X / 2, Y: far},
			{X: far / 2, Y: far / 1.3}, {X: -size.X - far/2, Y: far / 1.3}, {X: far / 2, Y: -size.Y - far/1.3}, {X: -size.X - far/2, Y: -size.Y - far/1.3},
		} {
			low := at.Add(d)
			all = append(all, vg.Rectangle{Min: low, Max: low.Add(size)})
		}
	}
	return all
}

func nearest(r vg.Rectangle, to vg.Point) vg.Point {
	return vg.Point{X: min(max(to.X, r.Min.X), r.Max.X), Y: min(max(to.Y, r.Min.Y), r.Max.Y)}
}

func far(a, b vg.Point) float64 { return math.Hypot(float64(a.X-b.X), float64(a.Y-b.Y)) }

func around(at vg.Point, by vg.Length) vg.Rectangle {
	return vg.Rectangle{Min: vg.Point{X: at.X - by, Y: at.Y - by}, Max: vg.Point{X: at.X + by, Y: at.Y + by}}
}

// along covers a line by small squares.
func along(from, to vg.Point) (all []vg.Rectangle) {
	const pieces = 60
	for i := range pieces + 1 {
		part := vg.Length(i) / pieces
		all = append(all, around(vg.Point{X: from.X + part*(to.X-from.X), Y: from.Y + part*(to.Y-from.Y)}, 2))
	}
	return all
}

func overlap(a, b vg.Rectangle) float64 {
	w := min(a.Max.X, b.Max.X) - max(a.Min.X, b.Min.X) + 3
	h := min(a.Max.Y, b.Max.Y) - max(a.Min.Y, b.Min.Y) + 3
	return float64(max(w, 0) * max(h, 0))
}

func outside(a, edge vg.Rectangle) float64 {
	x := max(edge.Min.X-a.Min.X, 0) + max(a.Max.X-edge.Max.X, 0)
	y := max(edge.Min.Y-a.Min.Y, 0) + max(a.Max.Y-edge.Max.Y, 0)
	return 50 * float64(x+y)
}
