package page

import (
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"redoubt.example/loadtest/report"
)

// mark is an estimate with its interval, which may lie along either axis.
type mark struct {
	x, y     float64
	interval report.Interval
	upright  bool // the interval is vertical
	ink      ink
	shape    draw.GlyphDrawer
}

func addMarks(p *plot.Plot, marks []mark) error {
	for _, m := range marks {
		at := plotter.XYs{{X: m.x, Y: m.y}}
		if m.interval.Measured() {
			bar, err := m.bar(at)
			if err != nil {
				return err
			}
			p.Add(bar)
		}
		dot, err := plotter.NewScatter(at)
		if err != nil {
			return err
		}
		dot.GlyphStyle = draw.GlyphStyle{Color: m.ink, Radius: vg.Points(4.5), Shape: m.shape}
		p.Add(dot)
	}
	return nil
}

func (m mark) bar(at plotter.XYs) (plot.Plotter, error) {
	style := draw.LineStyle{Color: m.ink, Width: vg.Points(1.5)}
	if m.upright {
		bar, err := plotter.NewYErrorBars(struct {
			plotter.XYs
			plotter.YErrors
		}{at, plotter.YErrors{{Low: m.y - m.interval[0], High: m.interval[1] - m.y}}})
		if err == nil {
			bar.LineStyle, bar.CapWidth = style, vg.Points(7)
		}
		return bar, err
	}
	bar, err := plotter.NewXErrorBars(struct {
		plotter.XYs
		plotter.XErrors
	}{at, plotter.XErrors{{Low: m.x - m.interval[0], High: m.interval[1] - m.x}}})
	if err == nil {
		bar.LineStyle, bar.CapWidth = style, vg.Points(7)
	}
	return bar, err
}

// gridlines are the plot's vertical or horizontal lines, or both.
func gridlines(vertical, horizontal bool) *plotter.Grid {
	g := plotter.NewGrid()
	style := draw.LineStyle{Color: grid, Width: vg.Points(1)}
	g.Vertical, g.Horizontal = draw.LineStyle{}, draw.LineStyle{}
	if vertical {
		g.Vertical = style
	}
	if horizontal {
		g.Horizontal = style
	}
	return g
}

func line(from, to plotter.XY, colour ink, width float64) (*plotter.Line, error) {
	l, err := plotter.NewLine(plotter.XYs{from, to})
	if err == nil {
		l.LineStyle = draw.LineStyle{Color: colour, Width: vg.Points(width)}
	}
	return l, err
}
