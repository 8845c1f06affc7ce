package page

import (
	"cmp"
	"html/template"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"redoubt.example/loadtest/report"
)

const frontierLabel = "Attacks stopped against latency added, by profile"

func frontierHeight(width float64) float64 { return 260 + width/6 }

func (s *sheet) frontier(r report.Result) (template.HTML, error) {
	draws := frontier(r)
	if draws == nil {
		return "", nil
	}
	return s.figure(frontierLabel, frontierHeight, draws)
}

// frontier is attacks stopped against latency added. The line joins the profiles that no other beats at both. nil where there
// aren't two profiles whose latency was compared and whose attacks were tried.
func frontier(r report.Result) drawing {
	var shown []report.Profile
	most := 0.0
	for _, p := range r.Profiles {
		if p.Attacks > 0 && (p.Name == report.Baseline || p.CI95.Measured()) {
			shown = append(shown, p)
			most = max(most, p.AddedP50, p.CI95[1])
		}
	}
	if len(shown) < 2 {
		return nil
	}
	name, unit := unitOf(most)
	return func(width float64) (*plot.Plot, error) {
		p := newPlot("added to the median latency, "+name, "")
		p.X.Tick.Marker, p.Y.Tick.Marker = steps{ticksFor(width), unit}, steps{6, 1}
		p.Add(gridlines(true, true))
		way := frontierLine(shown)
		l, err := plotter.NewLine(way)
		if err != nil {
			return nil, err
		}
		l.LineStyle = draw.LineStyle{Color: muted, Width: vg.Points(1.2), Dashes: []vg.Length{vg.Points(4), vg.Points(4)}}
		p.Add(l)
		var marks []mark
		words := names{lines: []plotter.XYs{way}}
		for _, each := range shown {
			marks = append(marks, mark{x: each.AddedP50, y: float64(each.Blocked), interval: each.CI95, ink: accent, shape: draw.CircleGlyph{}})
			words.at = append(words.at, plotter.XY{X: each.AddedP50, Y: float64(each.Blocked)})
			words.names = append(words.names, each.Name)
			if each.CI95.Measured() {
				words.lines = append(words.lines, plotter.XYs{{X: each.CI95[0], Y: float64(each.Blocked)}, {X: each.CI95[1], Y: float64(each.Blocked)}})
			}
		}
		if err := addMarks(p, marks); err != nil {
			return nil, err
		}
		p.Add(words)
		p.X.Min, p.X.Max = min(0, p.X.Min), most*1.06
		p.Y.Min, p.Y.Max = 0, 1.08*float64(slices.MaxFunc(shown, func(a, b report.Profile) int { return cmp.Compare(a.Attacks, b.Attacks) }).Attacks)
		return p, nil
	}
}

// frontierLine goes up in steps, from each profile that stops more than all cheaper ones to the next.
func frontierLine(shown []report.Profile) (way plotter.XYs) {
	byCost := slices.SortedStableFunc(slices.Values(shown), func(a, b report.Profile) int {
		return cmp.Or(cmp.Compare(a.AddedP50, b.AddedP50), cmp.Compare(b.Blocked, a.Blocked))
	})
	best := -1
	for _, each := range byCost {
		if each.Blocked <= best {
			continue
		}
		if best >= 0 {
			way = append(way, plotter.XY{X: each.AddedP50, Y: float64(best)})
		}
		best = each.Blocked
		way = append(way, plotter.XY{X: each.AddedP50, Y: float64(best)})
	}
	return way
}
