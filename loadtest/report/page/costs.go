package page

import (
	"html/template"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg/draw"

	"redoubt.example/loadtest/report"
)

// costs is what each control costs: left out of layered, and added to plaintext.
func (s *sheet) costs(controls []report.Control) (template.HTML, error) {
	var shown []report.Control
	var names []string
	for _, c := range controls {
		if c.LeftOut != nil || c.AddedIn != nil {
			shown, names = append(shown, c), append(names, c.ID)
		}
	}
	if len(shown) == 0 {
		return "", nil
	}
	var marks []mark
	least, most := 0.0, 0.0
	for i, c := range shown {
		y := float64(len(shown) - 1 - i)
		for _, e := range []struct {
			*report.Estimate
			off   float64
			ink   ink
			shape draw.GlyphDrawer
		}{{c.LeftOut, 0.18, accent, draw.CircleGlyph{}}, {c.AddedIn, -0.18, second, draw.BoxGlyph{}}} {
			if e.Estimate == nil {
				continue
			}
			least, most = min(least, e.CI95[0]), max(most, e.CI95[1])
			marks = append(marks, mark{x: e.P50, y: y + e.off, interval: e.CI95, ink: e.ink, shape: e.shape})
		}
	}
	name, unit := unitOf(most)
	height := func(float64) float64 { return 56 + 30*float64(len(shown)) }
	return s.figure("What each control costs, with 95 % intervals", height, func(width float64) (*plot.Plot, error) {
		p := newPlot("median difference, "+name, "")
		p.X.Tick.Marker = steps{ticksFor(width), unit}
		p.Add(gridlines(true, false))
		zero, err := line(plotter.XY{X: 0, Y: -0.5}, plotter.XY{X: 0, Y: float64(len(shown)) - 0.5}, muted, 1.2)
		if err != nil {
			return nil, err
		}
		p.Add(zero)
		if err := addMarks(p, marks); err != nil {
			return nil, err
		}
		room := (most - least) * 0.03
		p.X.Min, p.X.Max = least-room, most+room
		rows(p, names)
		return p, nil
	})
}
