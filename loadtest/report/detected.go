package report

import "fmt"

// detected is how fast attacks were found, by threat.
func (r Result) detected() section {
	s := section{headers: []string{"threat", ">attacks", ">found", ">after ms", ">worst", ">contained ms", ">worst"},
		note: "found: with an alert of sentinel's own; after: from an attack's first event, at the median of its attacks; contained: until an attempt was refused for what was done about it"}
	ms := func(v float64) string {
		if v == 0 {
			return ""
		}
		return fmt.Sprintf("%.0f", v)
	}
	for _, d := range r.Detected {
		s.rows = append(s.rows, []string{d.Threat, fmt.Sprint(d.Attacks), fmt.Sprint(d.Found), ms(d.Detect), ms(d.DetectWorst), ms(d.Contain), ms(d.ContainWorst)})
	}
	return s
}
