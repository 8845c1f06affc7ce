package page

import (
	"html/template"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg/draw"

	"redoubt.example/loadtest/report"
)

// spread is the distribution of each profile's latency: from the 1st to the 99th percentile a thin line, the middle
// half a thick one, the median a dot.
func (s *sheet) spread(r report.Result) (template.HTML, error) {
	var shown []report.Profile
	var names []string
	least, most := math.Inf(1), 0.0
	for _, p := range r.Profiles {
		if len(p.Latency) < 3 || p.Latency[0].Took <= 0 {
			continue
		}
		shown, names = append(shown, p), append(names, p.Name)
		least, most = min(least, p.Latency[0].Took), max(most, p.Latency[len(p.Latency)-1].Took)
	}
	if len(shown) == 0 {
		return "", nil
	}
	name, unit := unitOf(most)
	height := func(float64) float64 { return 56 + 30*float64(len(shown)) }
	return s.figure("Distribution of each profile's latency", height, func(float64) (*plot.Plot, error) {
		p := newPlot("latency, "+name+" (logarithmic)", "")
		p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, decades{unit}
		p.Add(gridlines(true, false))
		at := rows(p, names)
		for i, each := range shown {
			if err := addSpread(p, each.Latency, at[i]); err != nil {
				return nil, err
			}
		}
		p.X.Min, p.X.Max = least*0.93, most*1.07
		rows(p, names)
		return p, nil
	})
}

func addSpread(p *plot.Plot, latency []report.Quantile, y float64) error {
	for _, part := range []struct{ from, to, width float64 }{{0.01, 0.99, 2}, {0.25, 0.75, 10}} {
		from, to := quantile(latency, part.from), quantile(latency, part.to)
		l, err := line(plotter.XY{X: from, Y: y}, plotter.XY{X: to, Y: y}, accent, part.width)
		if err != nil {
			return err
		}
		p.Add(l)
	}
	for _, q := range latency {
		if q.Share > 0.99 { // the tail beyond, as far as it was measured
			if err := addMarks(p, []mark{{x: q.Took, y: y, ink: accent, shape: draw.RingGlyph{}}}); err != nil {
				return err
			}
		}
	}
	return addMarks(p, []mark{{x: quantile(latency, 0.5), y: y, ink: surface, shape: draw.CircleGlyph{}}})
}

// quantile is the measured one that is nearest.
func quantile(latency []report.Quantile, share float64) float64 {
	best := latency[0]
	for _, q := range latency {
		if math.Abs(q.Share-share) < math.Abs(best.Share-share) {
			best = q
		}
	}
	return best.Took
}
