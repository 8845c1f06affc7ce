package detection

import (
	"fmt"
	"math"
	"time"
)

// Rule is one Sigma document: a detection, which matches single events, or a correlation of what other rules match.
type Rule struct {
	ID          string // a UUID
	Name        string // by which correlations may refer to it
	Title       string
	Description string
	Level       string
	Tags        []string
	Folder      string // where it was read
	// Alerts tells whether a match is an alert; else it is only a part of correlations.
	Alerts bool

	match   *matcher     // nil for a correlation
	combine *correlation // nil for a detection
}

// The types of correlation.
const (
	eventCount      = "event_count"
	valueCount      = "value_count"
	temporal        = "temporal"
	temporalOrdered = "temporal_ordered"
)

// correlation is what a correlation rule says, with its references resolved.
type correlation struct {
	kind    string
	rules   []*Rule
	span    time.Duration
	groupBy []string
	fields  [][]string // by rule: which fields of its events hold the values of groupBy
	counted []string   // by rule: which field of its events holds the value that value_count counts
	least   int        // the condition is true from this count on
	most    int        // up to this one
}

// unbounded is a condition's most where it has no upper limit.
const unbounded = math.MaxInt

// closes tells whether the condition can only be judged when a window is over.
func (c *correlation) closes() bool { return c.most != unbounded }

// A window keeps no more than it takes to decide; these bound what that is.
const (
	maxCount  = 10_000 // events
	maxValues = 1_000  // different values
)

// condition is the condition of a correlation. Several criteria hold together.
type condition struct {
	Field string
	GT    *int
	GTE   *int
	LT    *int
	LTE   *int
	EQ    *int
}

// limits returns the least and the most that a count may be for the condition to be true.
func (c condition) limits() (least, most int, err error) {
	least, most = 0, unbounded
	for _, b := range []*int{c.GT, c.GTE, c.LT, c.LTE, c.EQ} {
		if b != nil && (*b < 0 || *b > maxCount) {
			return 0, 0, fmt.Errorf("a count is from 0 to %d, not %d", maxCount, *b)
		}
	}
	if c.GT != nil {
		least = *c.GT + 1
	}
	if c.GTE != nil {
		least = max(least, *c.GTE)
	}
	if c.LT != nil {
		most = *c.LT - 1
	}
	if c.LTE != nil {
		most = min(most, *c.LTE)
	}
	if c.EQ != nil {
		least, most = max(least, *c.EQ), min(most, *c.EQ)
	}
	switch {
	case least > most:
		return 0, 0, fmt.Errorf("no count is at least %d and at most %d", least, most)
	case least == 0 && most == unbounded:
		return 0, 0, fmt.Errorf("it is true whatever happens")
	case most == 0:
		return 0, 0, fmt.Errorf("a group without any event is not known, and can't be reported")
	}
	return least, most, nil
}
