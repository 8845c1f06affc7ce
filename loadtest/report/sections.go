package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// section is a table of what only some runs measure.
type section struct {
	headers []string
	rows    [][]string
	note    string
}

// sections are those that the run has something for.
func sections(out *strings.Builder, r Result) {
	for _, s := range r.sections() {
		grid(out, s.headers, s.rows)
		if s.note != "" {
			fmt.Fprintln(out, fold(s.note))
		}
		fmt.Fprintln(out)
	}
}

func (r Result) sections() (all []section) {
	for _, s := range []section{r.upkeep(), r.costs(), r.storms(), r.loads(), r.detected()} {
		if len(s.rows) > 0 {
			all = append(all, s)
		}
	}
	return all
}

func (r Result) upkeep() section {
	s := section{headers: []string{"profile", ">+p50 read", ">lines", "a rule lives in", "restarts"},
		note: "lines: of Go code in the files that name a control which is on, in the gateway + each service + each sidecar; restarts: to change a rule"}
	if request := r.OtherRequest(); request != "" {
		s.note = "read: " + request + ", us; " + s.note
	}
	for _, p := range r.Profiles {
		if len(p.Others) == 0 && p.SecurityLines == nil {
			continue
		}
		added, lines := "", ""
		if len(p.Others) > 0 {
			added = p.Others[0].short()
		}
		if p.Name == Baseline {
			added = "0"
		}
		if l := p.SecurityLines; l != nil {
			lines = fmt.Sprintf("%d+%d+%d", l.Gateway, l.Service, l.Sidecar)
		}
		var places []string
		for _, place := range p.PolicyPlaces {
			short, _, _ := strings.Cut(place, ":")
			if !slices.Contains(places, short) { // two kinds of rules in one place
				places = append(places, short)
			}
		}
		s.rows = append(s.rows, []string{p.Name, added, lines, strings.Join(places, ", "), strings.Join(p.Redeploy, ", ")})
	}
	return s
}

// OtherRequest is the one that was measured beside the method's; "" if none was.
func (r Result) OtherRequest() string {
	for _, p := range r.Profiles {
		if len(p.Others) > 0 {
			return p.Others[0].Request
		}
	}
	return ""
}

func (r Result) costs() section {
	s := section{headers: []string{"control", ">us in " + layeredName, ">95 %", ">us by itself", ">95 %"}}
	s.note = "none: " + NoDifference + ". "
	for _, c := range r.Controls {
		s.rows = append(s.rows, []string{c.ID, c.LeftOut.short(), c.LeftOut.between(), c.AddedIn.short(), c.AddedIn.between()})
		if c.NotAlone != "" {
			s.note += c.ID + ": " + c.NotAlone + ". "
		}
	}
	return s
}

func (r Result) storms() section {
	s := section{headers: []string{"the honest user, meanwhile", ">p50 us", ">calm", ">p90", ">calm", ">failed", ">refused in", ">breaker"},
		note: "refused in: the median time that a refusal took; breaker: calls that breakers refused without asking. "}
	for _, storm := range r.Storms {
		s.rows = append(s.rows, []string{storm.Name, nonzero(storm.P50, us), us(storm.Calm50), nonzero(storm.P90, us), nonzero(storm.Calm90, us),
			fmt.Sprintf("%d of %d", storm.Failed, storm.Sent), nonzero(storm.Refused50, us), nonzero(float64(storm.Rejected), us)})
		if grown := storm.Grown(1); len(grown) > 0 {
			s.note += fmt.Sprintf("%s slows most %s at %s: %s us. ", storm.Name, grown[0].Control, grown[0].Hop, signed(grown[0].By()))
		}
	}
	return s
}

// Growth is a part of the ledger that took longer than in calm, at its median.
type Growth struct {
	Line
	Calm float64
}

// By is how much longer, in microseconds.
func (g Growth) By() float64 { return g.P50 - g.Calm }

// Grown are the n parts of the honest user's ledger that grew most while it went on, the most first.
func (s Storm) Grown(n int) (all []Growth) {
	for _, l := range s.Ledger {
		i := slices.IndexFunc(s.Calm, func(c Line) bool { return c.Hop == l.Hop && c.Control == l.Control })
		if i >= 0 && l.P50 > s.Calm[i].P50 {
			all = append(all, Growth{l, s.Calm[i].P50})
		}
	}
	slices.SortFunc(all, func(a, b Growth) int { return cmp.Compare(b.By(), a.By()) })
	return all[:min(n, len(all))]
}

func (r Result) loads() section {
	s := section{headers: []string{"under load", ">req/s", ">of", ">sent", ">counted", ">k6 p50 us", ">p99", ">gateway p50", ">p99", ">outside it"},
		note: "of: at saturation; counted: by the gateway; outside it: the part of k6's median that the gateway didn't see of the same requests: sockets, TLS, k6 itself"}
	for _, l := range r.Load {
		s.rows = append(s.rows, []string{l.Profile, us(l.Rate), nonzero(l.Saturation, us), us(float64(l.Requests)), nonzero(float64(l.Served), us), us(l.P50), us(l.P99), nonzero(l.ServiceP50, us), nonzero(l.ServiceP99, us),
			nonzero(l.Outside(), us)})
	}
	return s
}

// Outside is what k6 saw at the median beyond the gateway's own time: 0 where that isn't known.
func (l Load) Outside() float64 {
	if l.ServiceP50 == 0 {
		return 0
	}
	return l.P50 - l.ServiceP50
}

// layeredName and overchecked are the two profiles that one finding is about.
const (
	layeredName = "layered"
	overchecked = "overchecked"
)

// Findings are the sentences that a run's figures come to.
func (r Result) Findings() (all []string) {
	profile := func(name string) (Profile, bool) {
		i := slices.IndexFunc(r.Profiles, func(p Profile) bool { return p.Name == name })
		if i < 0 || !r.Profiles[i].CI95.Measured() {
			return Profile{}, false
		}
		return r.Profiles[i], true
	}
	l, hasLayered := profile(layeredName)
	o, hasOver := profile(overchecked)
	if hasLayered && hasOver {
		d := difference(Measure{}, Estimate{l.AddedP50, l.CI95}, Estimate{o.AddedP50, o.CI95})
		e := Estimate{d.Diff, d.CI95}
		text := "to check everything again at each hop costs " + e.said()
		if l.Attacks > 0 && o.Attacks > 0 {
			text += fmt.Sprintf(", and stops %d of %d attacks instead of %d", o.Blocked, o.Attacks, l.Blocked)
		}
		all = append(all, text)
	}
	return append(all, perHop(r.Chains)...)
}

// perHop is what the longest chain of each mode adds, and what that is a hop.
func perHop(chains []Chain) (all []string) {
	longest := map[string]Chain{}
	var modes []string
	for _, c := range chains {
		if _, known := longest[c.Mode]; !known {
			modes = append(modes, c.Mode)
		}
		if c.Hops >= longest[c.Mode].Hops {
			longest[c.Mode] = c
		}
	}
	slices.SortFunc(modes, cmp.Compare[string])
	for _, mode := range modes {
		if c := longest[mode]; c.CI95.Measured() && mode != Baseline {
			e := Estimate{c.Added, c.CI95}
			all = append(all, fmt.Sprintf("%d hops in mode %s cost %s, %s us a hop", c.Hops, mode, e.said(), us(c.Added/float64(c.Hops))))
		}
	}
	return all
}

// short is Text for a narrow column.
func (e *Estimate) short() string { return strings.Replace(e.Text(), NoDifference, "none", 1) }

// said is the estimate in a sentence.
func (e *Estimate) said() string {
	text := e.Text()
	if text != NoDifference {
		text += " us"
	}
	return text + " (95 % " + between(e.CI95) + ")"
}

func (e *Estimate) between() string {
	if e == nil || !e.CI95.Measured() {
		return ""
	}
	return between(e.CI95)
}
