package report

import (
	"errors"
	"fmt"
	"strings"
)

// Tolerance is by how much a measure may get worse before that counts as a regression: the greater of a share of what
// it was and so many microseconds.
type Tolerance struct {
	Share  float64 `json:"share"`
	Micros float64 `json:"us"`
}

// DefaultTolerance is 5 % or 3 us: what a run of `lab bench --quick` can tell from noise on two busy processors.
var DefaultTolerance = Tolerance{Share: 0.05, Micros: 3}

func (t Tolerance) of(was float64) float64 { return max(t.Share*max(was, -was), t.Micros) }

func (t Tolerance) String() string {
	return fmt.Sprintf("%s %% or %s us, whichever is more", us(100*t.Share), us(t.Micros))
}

// Confidence of a comparison as a whole: the chance of calling any of its measures a regression when none is one is
// at most 5 %, however many there are.
const Confidence = 0.95

// Measure is one thing that was measured before and now, in microseconds.
type Measure struct {
	What    string   `json:"what"` // such as "added latency, p50"
	Profile string   `json:"profile,omitempty"`
	Hop     string   `json:"hop,omitempty"`
	Control string   `json:"control,omitempty"`
	Was     float64  `json:"was_us"`
	Diff    float64  `json:"diff_us"` // now less was: positive is slower
	CI95    Interval `json:"ci95_us"` // of Diff
}

// Name says what and where.
func (m Measure) Name() string {
	name := m.What
	if m.Control != "" {
		name += " of " + m.Control
	}
	if m.Hop != "" {
		name += " at " + m.Hop
	}
	if m.Profile != "" {
		name = m.Profile + ": " + name
	}
	return name
}

// Judged is a measure with its verdict.
type Judged struct {
	Measure
	Tolerance float64 `json:"tolerance_us"`
	P         float64 `json:"p"` // corrected: of a difference like this if it were within the tolerance
	Regressed bool    `json:"regressed"`
}

// Comparison is a run against another.
type Comparison struct {
	Tolerance Tolerance `json:"tolerance"`
	Measures  []Judged  `json:"measures"`
	Lost      []string  `json:"lost"`      // attacks no longer stopped, services newly within reach
	Caveats   []string  `json:"caveats"`   // what makes the two less alike than they should be
	Uncounted []string  `json:"uncounted"` // in one of the two only, or without an interval
}

// Regressions are the measures that got worse.
func (c Comparison) Regressions() (worse []Judged) {
	for _, m := range c.Measures {
		if m.Regressed {
			worse = append(worse, m)
		}
	}
	return worse
}

// Err is nil if nothing got worse, and otherwise names, in one sentence, what did, at which hop and control. A
// comparison that compared nothing is an error, too: it would pass whatever happened.
func (c Comparison) Err() error {
	var worse []string
	for _, m := range c.Regressions() {
		worse = append(worse, fmt.Sprintf("%s is %s us slower (95 %% %s; tolerance %s)", m.Name(), us(m.Diff), between(m.CI95), us(m.Tolerance)))
	}
	worse = append(worse, c.Lost...)
	switch {
	case len(worse) > 0:
		return errors.New("regression: " + strings.Join(worse, "; "))
	case len(c.Measures) == 0:
		return errors.New("the two results have no measure in common that has an interval: nothing was compared")
	}
	return nil
}
