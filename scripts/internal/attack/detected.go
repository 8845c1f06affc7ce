package attack

import (
	"cmp"
	"math"
	"slices"
)

// Detected sums up which attacks were found, and how fast.
type Detected struct {
	Found   int   `json:"found"`   // whose alert was raised
	Already int   `json:"already"` // of these, those whose rule had been raised just before, and that have no time of their own
	Of      int   `json:"of"`      // attacks that leave an event
	Detect  Times `json:"detect"`
	Contain Times `json:"contain"`
	// Approved of those that were contained had their response approved by the run: a guard had left it to a person.
	Approved   int           `json:"approved"`
	Missed     int           `json:"missed"`      // that a response was to stop, and didn't
	Unanswered int           `json:"no_response"` // found, and nothing is done that would refuse the attacker: each says why
	Threats    []ThreatTimes `json:"threats"`
	Unseen     []Skip        `json:"unseen"` // attacks that leave no event, which nobody can find here
}

// Times are durations in milliseconds; without any, N is 0 and the others mean nothing.
type Times struct {
	N      int     `json:"n"`
	Median float64 `json:"median_ms"`
	P95    float64 `json:"p95_ms"`
	Worst  float64 `json:"worst_ms"`
}

// ThreatTimes are a threat's.
type ThreatTimes struct {
	Threat  string `json:"threat"`
	Attacks int    `json:"attacks"` // that leave an event
	Found   int    `json:"found"`
	Detect  Times  `json:"detect"`
	Contain Times  `json:"contain"`
}

// sumUp counts what became of attacks whose alerts were waited for.
func sumUp(results []Result) *Detected {
	d := &Detected{Threats: []ThreatTimes{}, Unseen: []Skip{}}
	byThreat := map[string][]Result{}
	var counted []Result
	for _, r := range results {
		if r.Alert.Unseen {
			d.Unseen = append(d.Unseen, Skip{r.ID, r.Alert.Reason})
			continue
		}
		counted = append(counted, r)
		byThreat[r.Threat] = append(byThreat[r.Threat], r)
		if r.Alert.Already {
			d.Already++
		}
	}
	d.Of, d.Found, d.Detect, d.Contain = len(counted), found(counted), timesOf(counted, detectMS), timesOf(counted, containMS)
	for _, r := range counted {
		d.answered(r.Alert)
	}
	for threat, its := range byThreat {
		d.Threats = append(d.Threats, ThreatTimes{threat, len(its), found(its), timesOf(its, detectMS), timesOf(its, containMS)})
	}
	slices.SortFunc(d.Threats, func(a, b ThreatTimes) int { return cmp.Compare(a.Threat, b.Threat) })
	return d
}

// answered counts what was done about an attack, where that was measured.
func (d *Detected) answered(a *Alert) {
	switch {
	case a.Response == nil:
	case a.ContainMS != nil && a.Response.By == by:
		d.Approved++
	case a.ContainMS != nil:
	case a.Response.Missed:
		d.Missed++
	default:
		d.Unanswered++
	}
}

func found(results []Result) (n int) {
	for _, r := range results {
		if r.Alert.Rule != "" {
			n++
		}
	}
	return n
}

func detectMS(a *Alert) *float64  { return a.DetectMS }
func containMS(a *Alert) *float64 { return a.ContainMS }

func timesOf(results []Result, which func(*Alert) *float64) Times {
	var all []float64
	for _, r := range results {
		if ms := which(r.Alert); ms != nil {
			all = append(all, *ms)
		}
	}
	if len(all) == 0 {
		return Times{}
	}
	slices.Sort(all)
	rank := func(share float64) float64 { return all[max(0, int(math.Ceil(share*float64(len(all))))-1)] } // nearest rank
	return Times{len(all), rank(0.5), rank(0.95), all[len(all)-1]}
}
