package report

import (
	"fmt"
	"math"
	"slices"
)

// Compare holds a result against an earlier one. Only what both measured, each with an interval, is compared.
func Compare(before, now Result, t Tolerance) Comparison {
	c := Comparison{Tolerance: t, Caveats: caveats(before, now)}
	was, is := before.estimates(), now.estimates()
	earlier := map[Measure]Estimate{}
	slower := pace(before, now)
	if math.Abs(slower-1) > paceSaid {
		c.Caveats = append(c.Caveats, fmt.Sprintf("the ledger as a whole takes %.0f %% of what the baseline's took: its lines are compared after that", 100*slower))
	}
	for _, m := range was {
		earlier[m.of] = m.Estimate
		if m.of.What == ofLedger {
			earlier[m.of] = m.Estimate.times(slower)
		}
	}
	var measures []Measure
	for _, m := range is {
		old, ok := earlier[m.of]
		delete(earlier, m.of)
		if !ok || !old.CI95.Measured() || !m.CI95.Measured() {
			c.Uncounted = append(c.Uncounted, m.of.Name())
			continue
		}
		measures = append(measures, difference(m.of, old, m.Estimate))
	}
	for _, m := range was {
		if _, left := earlier[m.of]; left {
			c.Uncounted = append(c.Uncounted, m.of.Name())
		}
	}
	c.Measures = Judge(measures, t)
	c.Lost = lost(before, now)
	return c
}

// ofLedger is what a line of the ledger is measured in: a time, and no difference.
const ofLedger = "time"

const (
	paceLines = 8    // that it takes to tell a machine's pace
	paceSaid  = 0.05 // by how much it has to differ to be worth a word
)

// pace is by how much slower the ledger is now, at the median of its lines. A machine that is slower in everything isn't one
// control's regression; what a profile adds is measured beside plaintext on the same machine, and needs no such thing.
func pace(before, now Result) float64 {
	was := map[[2]string]float64{}
	for _, l := range before.Ledger {
		if l.CI95.Measured() {
			was[[2]string{l.Hop, l.Control}] = l.P50
		}
	}
	var ratios []float64
	for _, l := range now.Ledger {
		if old := was[[2]string{l.Hop, l.Control}]; old > 0 && l.P50 > 0 && l.CI95.Measured() {
			ratios = append(ratios, l.P50/old)
		}
	}
	if len(ratios) < paceLines {
		return 1
	}
	slices.Sort(ratios)
	n := len(ratios)
	return (ratios[(n-1)/2] + ratios[n/2]) / 2
}

func (e Estimate) times(factor float64) Estimate {
	return Estimate{factor * e.P50, Interval{factor * e.CI95[0], factor * e.CI95[1]}}
}

type estimated struct {
	of Measure // without figures
	Estimate
}

// estimates are all that has an interval of its own.
func (r Result) estimates() (all []estimated) {
	add := func(of Measure, v float64, ci Interval) { all = append(all, estimated{of, Estimate{v, ci}}) }
	for _, p := range r.Profiles {
		if p.Name == Baseline {
			continue
		}
		add(Measure{What: "added latency, p50", Profile: p.Name}, p.AddedP50, p.CI95)
		add(Measure{What: "added latency, p90", Profile: p.Name}, p.AddedP90, p.CI95P90)
		add(Measure{What: "added latency, p99", Profile: p.Name}, p.AddedP99, p.CI95P99)
		for _, o := range p.Others {
			add(Measure{What: "added latency of " + o.Request + ", p50", Profile: p.Name}, o.P50, o.CI95)
		}
	}
	for _, l := range r.Ledger {
		add(Measure{What: ofLedger, Hop: l.Hop, Control: l.Control}, l.P50, l.CI95)
	}
	for _, control := range r.Controls {
		if e := control.LeftOut; e != nil {
			add(Measure{What: "cost in layered", Control: control.ID}, e.P50, e.CI95)
		}
		if e := control.AddedIn; e != nil {
			add(Measure{What: "cost by itself", Control: control.ID}, e.P50, e.CI95)
		}
	}
	return all
}

// difference of two independent estimates: the sides of their intervals add in squares (MOVER; Zou and Donner, 2008).
func difference(m Measure, was, is Estimate) Measure {
	m.Was, m.Diff = was.P50, is.P50-was.P50
	m.CI95[0] = m.Diff - math.Hypot(is.P50-is.CI95[0], was.CI95[1]-was.P50)
	m.CI95[1] = m.Diff + math.Hypot(is.CI95[1]-is.P50, was.P50-was.CI95[0])
	return m
}

// lost is what no statistics are needed for.
func lost(before, now Result) (all []string) {
	for _, p := range now.Profiles {
		for _, old := range before.Profiles {
			if old.Name != p.Name {
				continue
			}
			if was, is := old.Attacks-old.Blocked, p.Attacks-p.Blocked; old.Attacks > 0 && p.Attacks > 0 && is > was {
				all = append(all, fmt.Sprintf("%s: %d attacks get through, %d before", p.Name, is, was))
			}
			if old.Reach != nil && p.Reach != nil && *p.Reach > *old.Reach {
				all = append(all, fmt.Sprintf("%s: a compromised notification reaches %d services, %d before", p.Name, *p.Reach, *old.Reach))
			}
		}
	}
	return all
}

func caveats(before, now Result) (all []string) {
	if before.Machine != now.Machine {
		all = append(all, "the baseline is of another machine or Go version: a difference may be theirs")
	}
	if before.State != now.State {
		all = append(all, fmt.Sprintf("the baseline was measured %s, and this run %s", before.State, now.State))
	}
	for _, p := range before.Problems() {
		all = append(all, "the baseline isn't to be believed: "+p)
	}
	return all
}
