package page

import (
	"html/template"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"redoubt.example/loadtest/report"
)

// bars is a stacked bar for each hop, a segment for each kind of work.
func (s *sheet) bars(hops []report.Hop) (template.HTML, error) {
	if len(hops) == 0 {
		return "", nil
	}
	names := make([]string, len(hops))
	sums := make([]plotter.Values, len(kinds))
	for k := range sums {
		sums[k] = make(plotter.Values, len(hops))
	}
	most := 0.0
	for i, hop := range hops {
		names[i] = hop.Name
		most = max(most, hop.Total())
		for _, line := range hop.Lines {
			sums[kindOf(line.Control)][len(hops)-1-i] += max(line.P50, 0)
		}
	}
	name, unit := unitOf(most)
	height := func(float64) float64 { return 56 + 34*float64(len(hops)) }
	return s.figure("Where the time of a layered request goes, by hop", height, func(width float64) (*plot.Plot, error) {
		p := newPlot("median time of the parts, "+name, "")
		p.X.Tick.Marker = steps{ticksFor(width), unit}
		p.Add(gridlines(true, false))
		var below *plotter.BarChart
		for k, values := range sums {
			bar, err := plotter.NewBarChart(values, vg.Points(22))
			if err != nil {
				return nil, err
			}
			bar.Horizontal, bar.Color = true, kinds[k].ink
			bar.LineStyle = draw.LineStyle{Color: surface, Width: vg.Points(1)}
			if below != nil {
				bar.StackOn(below)
			}
			below = bar
			p.Add(bar)
		}
		rows(p, names)
		p.X.Min, p.X.Max = 0, most*1.03
		return p, nil
	})
}

// legend is what of the kinds occurs, with the time that it takes over all hops.
type legend struct {
	Class string
	Name  string
	Took  float64
}

func legendOf(lines []report.Line) (all []legend) {
	sums := make([]float64, len(kinds))
	for _, l := range lines {
		sums[kindOf(l.Control)] += l.P50
	}
	for k, sum := range sums {
		if sum > 0 {
			all = append(all, legend{kinds[k].ink.name, kinds[k].Name, sum})
		}
	}
	return all
}
