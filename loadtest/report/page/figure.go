package page

import (
	"bytes"
	"html/template"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// A plot is drawn twice, since shrinking one for a phone would shrink its words as well; the style sheet shows the
// one that fits. Units are those of the style sheet's pixels.
const (
	wide   = 760
	narrow = 352
)

// drawing draws a plot for a width.
type drawing func(width float64) (*plot.Plot, error)

func (s *sheet) figure(label string, height func(width float64) float64, draws drawing) (template.HTML, error) {
	var html string
	for _, each := range []struct {
		class string
		width float64
	}{{"wide", wide}, {"narrow", narrow}} {
		svg, err := s.draw(each.class, label, each.width, height(each.width), draws)
		if err != nil {
			return "", err
		}
		html += svg
	}
	return template.HTML(html), nil // inline has escaped every word of it
}

func (s *sheet) draw(class, label string, width, height float64, draws drawing) (svg string, err error) {
	p, err := draws(width)
	if err != nil {
		return "", err
	}
	c := vgsvg.New(vg.Points(width), vg.Points(height))
	p.Draw(draw.New(c))
	var file bytes.Buffer
	if _, err := c.WriteTo(&file); err != nil {
		return "", err
	}
	return s.inline(file.Bytes(), class, label)
}

func sans(size float64) font.Font {
	return font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Points(size)}
}

const small = 12.5

// newPlot is a plot in the page's type and colours: horizontal measure, hairline grid behind, no frame.
func newPlot(x, y string) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	p.X.Label.Text, p.Y.Label.Text = x, y
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Label.TextStyle.Font, axis.Label.TextStyle.Color = sans(small), muted
		axis.Tick.Label.Font, axis.Tick.Label.Color = sans(small), text
		axis.LineStyle.Color, axis.Tick.LineStyle.Color = muted, muted
		axis.LineStyle.Width, axis.Tick.LineStyle.Width = vg.Points(1), vg.Points(1)
		axis.Padding, axis.Label.Padding = vg.Points(4), vg.Points(4)
	}
	return p
}

// rows names what is on the vertical axis, first row on top, and gives back where each is.
func rows(p *plot.Plot, names []string) []float64 {
	at := make([]float64, len(names))
	ticks := make(plot.ConstantTicks, len(names))
	for i, name := range names {
		at[i] = float64(len(names) - 1 - i)
		ticks[i] = plot.Tick{Value: at[i], Label: name}
	}
	p.Y.Tick.Marker = ticks
	p.Y.Tick.Length, p.Y.LineStyle.Width = 0, 0
	p.Y.Min, p.Y.Max = -0.6, float64(len(names))-0.4
	return at
}

// steps are about n round ticks from the axis's least to its greatest value, in a unit of so many microseconds.
type steps struct {
	n    int
	unit float64
}

// Ticks implements plot.Ticker.
func (s steps) Ticks(low, high float64) (ticks []plot.Tick) {
	raw := (high - low) / float64(s.n)
	size := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 5, 10} {
		if size*m >= raw {
			size *= m
			break
		}
	}
	for i := math.Ceil(low / size); i*size <= high; i++ {
		ticks = append(ticks, plot.Tick{Value: i * size, Label: number(i * size / s.unit)})
	}
	return ticks
}

// decades are the ticks 1, 2, 3, 5 and 7 of each power of ten.
type decades struct{ unit float64 }

// Ticks implements plot.Ticker.
func (d decades) Ticks(low, high float64) (ticks []plot.Tick) {
	for size := math.Pow(10, math.Floor(math.Log10(low))); size <= high; size *= 10 {
		for _, m := range []float64{1, 2, 3, 5, 7} {
			if v := size * m; v >= low && v <= high {
				ticks = append(ticks, plot.Tick{Value: v, Label: number(v / d.unit)})
			}
		}
	}
	return ticks
}

// number has no "-0": adding zero makes it one.
func number(v float64) string { return strconv.FormatFloat(math.Round(v*1e6)/1e6+0, 'f', -1, 64) }

// unitOf says in what a plot's times are given, and how many microseconds that is.
func unitOf(most float64) (name string, unit float64) {
	if most >= 2000 {
		return "ms", 1000
	}
	return "µs", 1
}

func ticksFor(width float64) int {
	if width < wide {
		return 4
	}
	return 8
}
