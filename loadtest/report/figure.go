package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

const (
	// absent stands where nothing was measured.
	absent = "not measured"
	// NoDifference is what an interval that holds zero is called.
	NoDifference = "no measurable difference"
)

// Micros prints microseconds with what digits they are worth.
func Micros(v float64) string { return us(v) }

func us(v float64) string {
	switch a := math.Abs(v); {
	case a == 0:
		return "0"
	case a < 0.1:
		return trim(strconv.FormatFloat(v, 'f', 4, 64))
	case a < 10:
		return trim(strconv.FormatFloat(v, 'f', 2, 64))
	case a < 100:
		return trim(strconv.FormatFloat(v, 'f', 1, 64))
	default:
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
}

func trim(s string) string { return strings.TrimRight(strings.TrimRight(s, "0"), ".") }

// Signed prints a difference with its sign.
func Signed(v float64) string { return signed(v) }

// signed prints a difference with its sign; a minus is U+2212, so that no line breaks behind it.
func signed(v float64) string {
	switch s := us(math.Abs(v)); {
	case s == "0":
		return s
	case v < 0:
		return "−" + s
	default:
		return "+" + s
	}
}

// Between prints an interval.
func Between(i Interval) string { return between(i) }

func between(i Interval) string {
	return strings.TrimPrefix(signed(i[0]), "+") + " to " + strings.TrimPrefix(signed(i[1]), "+")
}

// added is what the profile adds at a quantile, or "" where that wasn't measured.
func (p Profile) added(v float64, ci Interval) string {
	switch {
	case p.Name == Baseline:
		return "0"
	case !ci.Measured():
		return ""
	default:
		return signed(v)
	}
}

// Stopped is the attacks blocked of all, or "" where none was tried.
func (p Profile) stopped() string {
	if p.Attacks == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", p.Blocked, p.Attacks)
}

func nonzero(v float64, print func(float64) string) string {
	if v == 0 {
		return ""
	}
	return print(v)
}

// Text is the difference, NoDifference, or "" where it wasn't measured.
func (e *Estimate) Text() string {
	switch {
	case e == nil || !e.CI95.Measured():
		return ""
	case e.CI95.Contains(0):
		return NoDifference
	default:
		return signed(e.P50)
	}
}

// Hop is a hop's lines of the ledger.
type Hop struct {
	Name  string
	Lines []Line
}

// Hops groups the ledger by hop, in the order in which they appear.
func (r Result) Hops() []Hop { return hopsOf(r.Ledger) }

func hopsOf(lines []Line) (hops []Hop) {
	for _, line := range lines {
		i := slices.IndexFunc(hops, func(h Hop) bool { return h.Name == line.Hop })
		if i < 0 {
			i, hops = len(hops), append(hops, Hop{Name: line.Hop})
		}
		hops[i].Lines = append(hops[i].Lines, line)
	}
	return hops
}

// Total is the sum of the parts' medians: not the median of the sum, but what the bars add up to.
func (h Hop) Total() (sum float64) {
	for _, line := range h.Lines {
		sum += line.P50
	}
	return sum
}
