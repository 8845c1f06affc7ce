package page

import (
	"html/template"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg/draw"

	"redoubt.example/loadtest/report"
)

// added is what each profile adds at the median, the 90th and the 99th percentile.
func (s *sheet) added(r report.Result) (template.HTML, error) {
	var shown []report.Profile
	var names []string
	most := 0.0
	for _, p := range r.Profiles {
		if p.Name != report.Baseline && p.CI95.Measured() {
			shown, names = append(shown, p), append(names, p.Name)
			most = max(most, p.CI95[1], p.CI95P90[1], p.CI95P99[1])
		}
	}
	if len(shown) == 0 {
		return "", nil
	}
	name, unit := unitOf(most)
	height := func(float64) float64 { return 56 + 44*float64(len(shown)) }
	return s.figure("Latency added by each profile, with 95 % intervals", height, func(width float64) (*plot.Plot, error) {
		p := newPlot("added to "+report.Baseline+"'s latency, "+name, "")
		p.X.Tick.Marker = steps{ticksFor(width), unit}
		p.Add(gridlines(true, false))
		at := rows(p, names)
		var marks []mark
		for i, each := range shown {
			marks = append(marks, mark{x: each.AddedP50, y: at[i] + 0.25, interval: each.CI95, ink: accent, shape: draw.CircleGlyph{}})
			if each.CI95P90.Measured() {
				marks = append(marks, mark{x: each.AddedP90, y: at[i], interval: each.CI95P90, ink: second, shape: draw.BoxGlyph{}})
			}
			if each.CI95P99.Measured() {
				marks = append(marks, mark{x: each.AddedP99, y: at[i] - 0.25, interval: each.CI95P99, ink: third, shape: draw.PyramidGlyph{}})
			}
		}
		if err := addMarks(p, marks); err != nil {
			return nil, err
		}
		p.X.Min, p.X.Max = min(0, p.X.Min), most*1.03
		rows(p, names)
		return p, nil
	})
}
