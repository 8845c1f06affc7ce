package report

import (
	"slices"
	"strings"
)

// TakeAttacks takes what the attacks came to from another run, and notes it: whether an attack is stopped doesn't depend on how
// busy the machine is, as latency does, and takes ten times as long to find out.
func (r *Result) TakeAttacks(from Result) {
	for i := range r.Profiles {
		p := &r.Profiles[i]
		at := slices.IndexFunc(from.Profiles, func(old Profile) bool { return old.Name == p.Name })
		if at < 0 {
			continue
		}
		old := from.Profiles[at]
		p.Blocked, p.Attacks, p.Skipped, p.Reach = old.Blocked, old.Attacks, old.Skipped, old.Reach
	}
	note := "attacks are of the run of " + from.Began.UTC().Format("2 January 2006, 15:04 UTC")
	if from.Revision != "" {
		note += ", revision " + from.Revision
	}
	r.Method.Notes = append(r.Method.Notes, note)
	for _, said := range from.Method.Notes { // such as of which attacks nothing can be said
		if slices.ContainsFunc(from.Profiles, func(p Profile) bool { return strings.HasPrefix(said, p.Name+": ") }) {
			r.Method.Notes = append(r.Method.Notes, said)
		}
	}
}
