package page

import (
	"html/template"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"redoubt.example/loadtest/report"
)

// chains is what hops cost, one after the other: a line for each mode.
func (s *sheet) chains(all []report.Chain) (template.HTML, error) {
	modes := chainModes(all)
	if len(modes) == 0 {
		return "", nil
	}
	most, hops := 0.0, 1
	for _, c := range all {
		most, hops = max(most, c.CI95[1], c.Added), max(hops, c.Hops)
	}
	name, unit := unitOf(most)
	return s.figure("Latency added by the number of hops", func(w float64) float64 { return 200 + w/8 }, func(width float64) (*plot.Plot, error) {
		p := newPlot("hops; added is in "+name, "")
		p.X.Tick.Marker, p.Y.Tick.Marker = steps{hops, 1}, steps{5, unit}
		p.Add(gridlines(false, true))
		var marks []mark
		var words names
		for i, mode := range modes {
			colour := []ink{accent, second, third}[i%3]
			var xys plotter.XYs
			for _, c := range all {
				if c.Mode == mode {
					xys = append(xys, plotter.XY{X: float64(c.Hops), Y: c.Added})
					marks = append(marks, mark{x: float64(c.Hops), y: c.Added, interval: c.CI95, upright: true, ink: colour, shape: draw.CircleGlyph{}})
				}
			}
			l, err := plotter.NewLine(xys)
			if err != nil {
				return nil, err
			}
			l.LineStyle = draw.LineStyle{Color: colour, Width: vg.Points(2)}
			p.Add(l)
			words.lines = append(words.lines, xys)
			words.at, words.names = append(words.at, xys[len(xys)-1]), append(words.names, mode)
		}
		if err := addMarks(p, marks); err != nil {
			return nil, err
		}
		p.Add(words)
		p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0.9, float64(hops)+0.9, min(0, p.Y.Min), most*1.1
		return p, nil
	})
}

// chainModes are those that have something added to plaintext, in order.
func chainModes(all []report.Chain) (modes []string) {
	for _, c := range all {
		if c.CI95.Measured() && !slices.Contains(modes, c.Mode) {
			modes = append(modes, c.Mode)
		}
	}
	return modes
}
